"""What the readers of sessions share: the turns that they find, and the events of a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipelines.formats.logged import Json, Keyed, place
from pipelines.formats.turns import Reading, read_turn
from pipelines.parsing.written import Written


class SessionTurns(NamedTuple):
    """The turns of a session in order; `key` is where they are. `episode` is the key of the session's id and its value."""

    turns: list[Any]
    key: str
    episode: tuple[str, Json] | None = None
    system: Keyed = ()
    tools: Keyed = ()


def events_of(record: Mapping[str, Json], key: str = "lines") -> list[Mapping[str, Json]]:
    """The events under this key; what is no object counts as an empty one."""
    lines = record.get(key)
    return [line if isinstance(line, dict) else {} for line in lines] if isinstance(lines, list) else []


def first_value(events: Sequence[Mapping[str, Json]], *keys: str) -> tuple[str, Json] | None:
    """The first of these keys that an event has with a text, and this text."""
    return next(((key, event[key]) for event in events for key in keys if isinstance(event.get(key), str) and event[key]), None)


def turns_of(value: Json, path: tuple[str | int, ...], written: Written, reading: Reading) -> list[Any]:
    """The turns in the value at this path, a turn or an item of any API."""
    return read_turn(value, path, place(path), written, reading)
