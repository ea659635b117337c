"""Messages, steps and events of agent libraries, one row each: how the first of a list is recognized, and what makes usual turns of them.

A list of them may be a file, or stand wherever turns may stand in a record. A file of this room only moves what a library logs to the usual keys of turns and
parts; turns.py reads them as it does those of every API.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from pipelines.formats.libraries import autogen, pydantic_ai
from pipelines.formats.libraries.rows import Row

Json = Any


class Library(NamedTuple):
    """`source` is where the shape is from. `is_message` gets the first element of a list, `rows_of` the list."""

    name: str
    title: str
    source: str
    is_message: Callable[[Mapping[str, Json]], bool]
    rows_of: Callable[[list[Json]], Iterator[Row]]

    def matches(self, record: Mapping[str, Json]) -> bool:
        turns = record.get("messages")
        return isinstance(turns, list) and library_of(turns) is self


LIBRARIES: dict[str, Library] = {
    made.name: made
    for made in (
        Library(
            "pydantic_ai",
            "PydanticAI: requests and responses of parts with part_kind",
            "pydantic/pydantic-ai pydantic_ai_slim/pydantic_ai/messages.py, releases 0.8.1 and 2.68.0",
            pydantic_ai.is_message,
            pydantic_ai.rows_of,
        ),
        Library(
            "autogen",
            "AutoGen 0.4: messages and events of AgentChat, and of an agent's model context",
            "microsoft/autogen autogen-agentchat messages.py, autogen-core models/_types.py, release 0.7.5",
            autogen.is_message,
            autogen.rows_of,
        ),
    )
}


def library_of(turns: list[Json]) -> Library | None:
    """The library whose messages these are; None for the turns of an API, which say their role."""
    head = [turn for turn in turns[:2] if type(turn) is dict and "role" not in turn and "from" not in turn]
    if not head or head[0] is not turns[0]:
        return None
    first = head[-1] if head[0].get("type") == "SystemMessage" else head[0]  # which LangChain's messages begin with as well
    return next((library for library in LIBRARIES.values() if library.is_message(first)), None)
