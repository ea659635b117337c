"""Results of tools -> turns of their own, wherever an API logs them: as parts of a content, beside the calls of a turn, or in one part with the call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.formats.keys import CALL_FIELDS, RESPONSES, Unread
from pipelines.formats.logged import Json, LoggedPart, LoggedTurn
from pipelines.formats.parts import BOTH_PREFIX, BOTH_READ, RESULT_FIELDS, RESULT_READ, kind_of_part
from pipelines.parsing.written import Path, Rewritten, Written

_BOXED = frozenset(("type", "value"))  # a value beside its type, as in {"type": "json", "value": {...}}


def result_turn(part: LoggedPart, written: Written, unread: Unread) -> LoggedTurn:
    """The turn of a tool's result."""
    more: dict[str, Any] = {}
    result, path, where = part.value, part.path, part.where
    key = kind_of_part(result).key if type(result) is dict else None
    if key is not None and type(result[key]) is dict:
        unread.add_others("part", where, result, {key})
        result, path, where = result[key], (*path, key), f"{where}.{key}"
    unread.add_others("part", where, result, RESULT_READ)
    found = {field: next((name for name in names if result.get(name) is not None), None) for field, names in RESULT_FIELDS.items()}
    content_key = found.pop("content") or "content"
    content = result.get(content_key)
    if key is not None and type(content) is list and all(type(item) is dict and kind_of_part(item).kind is not None for item in content):
        more["parts"] = tuple(LoggedPart(item, (*path, content_key, i), f"{where}.{content_key}[{i}]") for i, item in enumerate(content))
    elif type(content) is dict and "value" in content and content.keys() <= _BOXED:
        content, path, content_key = content["value"], (*path, content_key), "value"
    given = {field: result[name] for field, name in found.items() if name is not None}
    return LoggedTurn(path=path, where=where, written=written, role="tool", content=content, content_key=content_key, **given, **more)


def value_turn(value: Json, path: Path, where: str, written: Written, call_id: Json = None) -> LoggedTurn:
    """The turn of a result that is a bare value at this path."""
    exact = Rewritten(lambda: {"content": written.exact(path)})
    return LoggedTurn(path=(), where=where, written=exact, role="tool", content=value, call_id=call_id)


def call_and_result(part: LoggedPart, written: Written, unread: Unread) -> list[LoggedTurn]:
    """The turns of a part that has a call and, once it is there, its result: Vercel's tool parts, MCP calls of the Responses API."""
    both, path, where = part.value, part.path, part.where
    if type(both.get("toolInvocation")) is dict:
        unread.add_others("part", where, both, {"type", "toolInvocation"})
        both, path, where = both["toolInvocation"], (*path, "toolInvocation"), f"{where}.toolInvocation"
    call = _call_of(both)
    unread.add_others("part", where, both, (*BOTH_READ, *(CALL_FIELDS["id"]), *(CALL_FIELDS["name"]), *(CALL_FIELDS["arguments"])))
    exact = Rewritten(lambda: _call_of(written.exact(path)))
    turns = [LoggedTurn(path=(), where=where, written=exact, role="assistant", parts=(LoggedPart(call, (), where, is_call=True),))]
    key = next((key for key in ("output", "result", "errorText", "error") if both.get(key) is not None), None)
    if key is not None:
        turns.append(LoggedTurn(path=path, where=f"{where}.{key}", written=written, role="tool", content=both[key], content_key=key, call_id=call.get("id")))
    return turns


def _call_of(both: Mapping[str, Json]) -> dict[str, Json]:
    given = {field: next((both[key] for key in keys if both.get(key) is not None), None) for field, keys in CALL_FIELDS.items()}
    kind = both.get("type")
    if given["name"] is None and isinstance(kind, str) and kind.startswith(BOTH_PREFIX):
        given["name"] = kind.removeprefix(BOTH_PREFIX)
    return {field: value for field, value in given.items() if value is not None}


def are_invocations(value: Json) -> bool:
    """Whether these are calls that have their results."""
    return (
        type(value) is list
        and bool(value)
        and all(type(item) is dict and isinstance(item.get("toolName"), str) and item.get("result") is not None for item in value)
    )


def account_responses(turn: Mapping[str, Json], where: str, unread: Unread) -> None:
    """Counts the other keys of a turn with results of several calls. Its content is all of them joined, and refuses the record where it is not."""
    unread.add_others("turn", where, turn, ("role", "content", "name", RESPONSES))
    texts = [str(item.get("content") or "") for item in turn[RESPONSES] if isinstance(item, dict)]
    content = turn.get("content")
    if content not in (None, "") and "".join("".join(texts).split()) != "".join(str(content).split()):
        unread.add("turn", where, "content", content, f"the content is not that of {RESPONSES}, which are read")


def is_results(value: Json) -> bool:
    return type(value) is dict and type(value.get("results")) is list


def results_beside(value: Json, path: Path, where: str, written: Written, unread: Unread) -> Iterator[LoggedTurn]:
    """The results that stand beside the calls of a turn, as in ATIF."""
    unread.add_others("turn", where, value, {"results"})
    for i, result in enumerate(value["results"]):
        if type(result) is dict:
            yield result_turn(LoggedPart(result, (*path, "results", i), f"{where}.results[{i}]"), written, unread)
        else:
            yield value_turn(result, (*path, "results", i), f"{where}.results[{i}]", written)
