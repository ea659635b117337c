"""The fields of a raw record before anything judges them: all formats are read into this one form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.formats.keys import HARMLESS, LISTED, RECORD_FIELD, RECORD_RANK, TURN_FIELD, TURN_RANK, Unread, clip_key
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import clip, parse_json
from pipelines.parsing.written import Path, Written
from pipelines.reasons import Reject
from pipelines.records import Noun

Json = Any
Keyed = tuple[tuple[str, Json], ...]  # the keys of one field in the log, with their values


class LoggedTurn(Noun, frozen=True, kw_only=True):
    """One turn as logged; a field that is absent or null is None or (). `path` leads to it in `written`; `where` is its place for people.

    `is_plain` says that it has only a role and a content.
    """

    path: Path
    where: str
    written: Written
    role: Json = None
    content: Json = None
    content_key: str = "content"
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
    id: Json = None
    step_id: Json = None
    episode: tuple[str, Json] | None = None  # the key of the episode's id, and its value


def place(path: Path, start: str = "") -> str:
    """A JSON path for people: messages[2].content. `start` is the place that it is relative to. Long keys are shortened."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{clip_key(step)}" for step in path]
    return (start + "".join(steps)).removeprefix("" if start else ".")


def read_turns(turns: Json, key: str, written: Written, budget: Budget, unread: Unread) -> Json:
    """The turns under this key: a list or its JSON text, each turn an object or its JSON text. Any other value stays as it is."""
    path: Path = (key,)
    if isinstance(turns, str):
        found = _parsed(turns, budget)
        if not isinstance(found, list):
            return turns
        turns, written, path = found, Written(turns), ()
    if not isinstance(turns, list):
        return turns
    return [_read_turn(turn, (*path, i), f"{key}[{i}]", written, budget, unread) for i, turn in enumerate(turns)]


def _read_turn(turn: Json, path: Path, where: str, written: Written, budget: Budget, unread: Unread) -> Json:
    if isinstance(turn, str):
        found = _parsed(turn, budget)
        if not isinstance(found, dict):
            return turn
        turn, written, path = found, Written(turn), ()
    if not isinstance(turn, dict):
        return turn
    if len(turn) == 2:  # as most turns are
        if "role" in turn and turn.get("content") is not None:
            return LoggedTurn(path=path, where=where, written=written, role=turn["role"], content=turn["content"], is_plain=True)
        if "from" in turn and turn.get("value") is not None:
            return LoggedTurn(path=path, where=where, written=written, role=turn["from"], content=turn["value"], content_key="value", is_plain=True)
    fields: dict[str, Any] = {}
    used: dict[str, str] = {}
    for key, value in turn.items():
        if value is None or (type(value) is dict and key != "content" and is_null(value)):
            continue
        field = TURN_FIELD.get(key)
        if field is None or key in unread.ignored:
            if key not in _HARMLESS:
                unread.add("turn", where, key, value)
        elif field in LISTED:
            fields[field] = (*fields.get(field, ()), (key, value))
        elif field not in fields:
            fields[field], used[field] = value, key
        elif TURN_RANK[key] < TURN_RANK[used[field]]:
            _double(unread, where, used[field], fields[field], value)
            fields[field], used[field] = value, key
        else:
            _double(unread, where, key, value, fields[field])
    for field in fields.keys() & LISTED:
        if len(fields[field]) > 1:
            fields[field] = tuple(sorted(fields[field], key=_rank))
    return LoggedTurn(path=path, where=where, written=written, content_key=used.get("content", "content"), **fields)


_HARMLESS = HARMLESS["turn"]


def is_null(value: Json) -> bool:
    """Whether a value is null, or an object that contains only nulls, which is how Arrow leaves a struct out.

    >>> is_null(None), is_null({"bytes": None, "path": None}), is_null({}), is_null({"a": [None]})
    (True, True, False, False)
    """
    return value is None or (isinstance(value, dict) and bool(value) and all(map(is_null, value.values())))


def _rank(pair: tuple[str, Json]) -> int:
    return TURN_RANK[pair[0]]


def _double(unread: Unread, where: str, key: str, value: Json, kept: Json) -> None:
    """Notes a second key of the same meaning in a turn, unless both have the same value."""
    if value != kept:
        unread.add("turn", where, key, value, f"the turn has another value under another key of the same meaning: {clip(str(kept))}")


def _parsed(text: str, budget: Budget) -> Json:
    """The value of a JSON text that begins as an object or a list; None for any other text."""
    if text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        return parse_json(text, budget, [])
    except Reject:
        return None


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
