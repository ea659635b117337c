"""The fields of a raw record before anything judges them: all formats are read into this one form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pipelines.formats.keys import RECORD_FIELD, RECORD_RANK, clip_key
from pipelines.parsing.written import Path, Written
from pipelines.records import Noun

Json = Any
Keyed = tuple[tuple[str, Json], ...]  # the keys of one field in the log, with their values


class LoggedPart(NamedTuple):
    """A part of a content: its value, the path to it, and its place for people. `is_call` where it is one, whatever it looks like."""

    value: Json
    path: Path
    where: str
    is_call: bool = False


class LoggedTurn(Noun, frozen=True, kw_only=True):
    """One turn as logged; a field that is absent or null is None or (). `path` leads to it in `written`; `where` is its place for people.

    `is_plain` says that it has only a role and a content. `parts` are the content where they do not stand in one list of the log.
    """

    path: Path
    where: str
    written: Written
    role: Json = None
    content: Json = None
    content_key: str = "content"
    parts: tuple[LoggedPart, ...] | None = None
    is_plain: bool = False
    calls: Keyed = ()  # OpenAI's tool_calls, its older function_call
    call_id: Json = None  # the call that a tool's result answers
    own_id: Json = None  # some logs give a result the id of its call as its own
    name: Json = None  # the function whose result this is
    metadata: Json = None  # GLM: the tool's name on a call
    tools: Json = None
    images: Keyed = ()
    media: Keyed = ()
    reasoning: Keyed = ()
    loss: Keyed = ()
    is_prefix: bool = False  # the log says that it is the beginning of the answer that follows
    prefix: str = ""  # the place of the beginning that was joined to this answer


class NotATurn(NamedTuple):
    """A value that stands where a turn is expected; `why` says what is wrong with an object."""

    value: Json
    where: str
    why: str = ""


class Logged(Noun, frozen=True, kw_only=True):
    """A record in the fields of its format. `turns` is a list of LoggedTurn, or what the log has instead. `images` have no place yet."""

    format: str
    turns: list[Any] | Json
    turns_key: str
    written: Written
    images: Keyed = ()
    media: Keyed = ()
    tools: Keyed = ()
    system: Keyed = ()
    label: Keyed = ()
    objects: Keyed = ()  # names and boxes of what the pictures show
    rejected: Keyed = ()  # the other side of a preference, which is kept aside
    id: Json = None
    step_id: Json = None
    renamed: tuple[tuple[str, str], ...] = ()  # (usual key of a turn, the path that a mapping has for it)
    episode: tuple[str, Json] | None = None  # the key of the episode's id, and its value


def place(path: Path, start: str = "") -> str:
    """A JSON path for people: messages[2].content. `start` is the place that it is relative to. Long keys are shortened."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{clip_key(step)}" for step in path]
    return (start + "".join(steps)).removeprefix("" if start else ".")


def is_null(value: Json) -> bool:
    """Whether a value is null, or an object that contains only nulls, which is how Arrow leaves a struct out.

    >>> is_null(None), is_null({"bytes": None, "path": None}), is_null({}), is_null({"a": [None]})
    (True, True, False, False)
    """
    return value is None or (isinstance(value, dict) and bool(value) and all(map(is_null, value.values())))


def _is_struct(value: Json) -> bool:
    """Whether this is an object other than pictures by name: in {"<image_00>": null}, the mark has no picture."""
    return type(value) is dict and not any(key.startswith("<") for key in value)


def fields_of(record: Mapping[str, Json]) -> dict[str, Keyed]:
    """Field -> its keys in this record that are not null, in the order of the table."""
    found: dict[str, Keyed] = {}
    for key, value in record.items():
        if (field := RECORD_FIELD.get(key)) is not None and value is not None and not (_is_struct(value) and is_null(value)):
            found[field] = tuple(sorted((*found[field], (key, value)), key=lambda pair: RECORD_RANK[pair[0]])) if field in found else ((key, value),)
    return found
