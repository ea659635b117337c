"""Tool calls of every log shape -> a name and the arguments as JSON text, letter for letter where they were JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipelines.formats.logged import Path
from pipelines.normalize.faults import Faults
from pipelines.normalize.literals import read_literal
from pipelines.parse import clip, kind_of, parse_json, source_text
from pipelines.reasons import Reason, Reject
from pipelines.records import Finding, Noun

_NOT_JSON = {Reason.LINE_INVALID_JSON.code, Reason.LINE_TRUNCATED_JSON.code, Reason.LINE_TRAILING_GARBAGE.code}


class Call(Noun, frozen=True):
    """`arguments` is the text of a JSON object; `values` is what it holds; `id` is the log's, if it has one."""

    name: str
    arguments: str
    values: Mapping[str, Any]
    id: str | None
    where: str


class Value(Noun, frozen=True):
    """A JSON value with the text it was read from (bytes: the whole record), so that its parts can be cut out as written; `text` is None for a Python literal."""

    value: Any
    text: str | bytes | None
    path: Path
    where: str

    def at(self, key: str | int) -> Value:
        return Value(self.value[key], self.text, (*self.path, key), f"{self.where}[{key}]" if isinstance(key, int) else f"{self.where}.{key}")

    def own_text(self) -> str:
        if self.text is None:
            return json.dumps(self.value, ensure_ascii=False)
        return source_text(self.text if isinstance(self.text, str) else self.text.decode(), self.path)


def read_calls(value: Value, faults: Faults) -> list[Call]:
    """The calls in this value: one, or a list of them, as objects or as JSON text. Raises Reject where it holds none."""
    if isinstance(value.value, str):
        return read_calls(_read_call_text(value, faults), faults)
    if isinstance(value.value, list) and value.value:
        return [call for i in range(len(value.value)) for call in read_calls(value.at(i), faults)]
    if not isinstance(value.value, dict):
        raise Reject(Reason.TOOL_CALL_MALFORMED.at(value.where, f"found {kind_of(value.value)}; an object with name and arguments is wanted"))
    return [_read_call(value, faults)]


def logged_as_text(text: str, where: str, faults: Faults) -> Call | None:
    """The call that an answer's text is: one object with exactly the keys name and arguments. None where the answer is an answer.

    Untouched it would be trained as the text that it is, and GLM-4 would never learn to call.
    Source: THUDM/GLM-4 pull request 572.
    """
    stripped = text.strip()
    if not (stripped[:1] == "{" and stripped[-1:] == "}" and "name" in stripped and "arguments" in stripped):
        return None
    try:
        value = _read_text(stripped, where, faults, Reason.TOOL_CALL_MALFORMED, quiet=True)
    except Reject as reject:
        if reject.findings[0].code in (Reason.JSON_DUPLICATE_KEY.code, Reason.JSON_HUGE_NUMBER.code, Reason.JSON_NONFINITE.code):
            raise
        return None
    if not isinstance(value.value, dict) or set(value.value) != {"name", "arguments"} or not isinstance(value.value["name"], str):
        return None
    if value.text is None:
        faults.repair(Reason.REPAIR_PYTHON_LITERAL, Reason.TOOL_ARGS_UNPARSEABLE, where, f"a call written as a Python literal: {clip(stripped)}")
    return _read_call(value, faults)


def arguments_text(text: str, where: str, faults: Faults) -> tuple[str, Mapping[str, Any]]:
    """(JSON text, values) of arguments logged as text: verbatim where they are a JSON object, translated where they are a Python dict."""
    value = _read_text(text, where, faults, Reason.TOOL_ARGS_UNPARSEABLE)
    if not isinstance(value.value, dict):
        raise Reject(Reason.TOOL_ARGS_NOT_OBJECT.at(where, f"found {kind_of(value.value)}: {clip(text)}"))
    return (text if value.text is not None else value.own_text()), value.value


def _read_call_text(value: Value, faults: Faults) -> Value:
    """The object that a call's text is. Where the text is neither JSON nor a literal, the call as a whole has no shape."""
    try:
        return _read_text(value.value, value.where, faults, Reason.TOOL_CALL_MALFORMED)
    except Reject as reject:
        unparsed = (Reason.TOOL_ARGS_UNPARSEABLE.code, Reason.TOOL_CODE_EXPRESSION.code)
        raise Reject(
            *(finding._replace(code=Reason.TOOL_CALL_MALFORMED.code) if finding.code in unparsed else finding for finding in reject.findings)
        ) from None


def _read_call(value: Value, faults: Faults) -> Call:
    logged = value.value
    inner = value.at("function") if isinstance(logged.get("function"), dict) else value
    name = inner.value.get("name")
    if "name" not in inner.value and "arguments" not in inner.value:
        raise Reject(Reason.TOOL_CALL_MALFORMED.at(value.where, f"keys {clip(', '.join(map(str, logged)))}; name and arguments are wanted"))
    if not isinstance(name, str) or not name.strip():
        raise Reject(Reason.TOOL_NAME_MISSING.at(f"{inner.where}.name", f"found {kind_of(name)}"))
    arguments, values = _arguments(inner, faults)
    return Call(name, arguments, values, _call_id(logged), value.where)


def _arguments(inner: Value, faults: Faults) -> tuple[str, Mapping[str, Any]]:
    if "arguments" not in inner.value:
        raise Reject(Reason.TOOL_CALL_MALFORMED.at(inner.where, "the call has no arguments; {} is a call without any"))
    given = inner.value["arguments"]
    if isinstance(given, str):
        return arguments_text(given, f"{inner.where}.arguments", faults)
    if isinstance(given, dict):
        return inner.at("arguments").own_text(), given
    raise Reject(Reason.TOOL_ARGS_NOT_OBJECT.at(f"{inner.where}.arguments", f"found {kind_of(given)}; a JSON object is wanted"))


def _call_id(logged: Mapping[str, Any]) -> str | None:
    value = logged.get("id")
    return value if isinstance(value, str) and value else None


def _read_text(text: str, where: str, faults: Faults, blank: Reason, quiet: bool = False) -> Value:
    """The value of this text: JSON, else a Python literal, which is noted. Raises Reject."""
    if not text.strip():
        raise Reject(blank.at(where, "the text is blank"))
    unused: list[Finding] = []  # equal keys with equal values stay as they are written
    try:
        return Value(parse_json(text, faults.limits, unused), text, (), where)
    except Reject as reject:
        if reject.findings[0].code not in _NOT_JSON:
            raise Reject(*(_inner(finding, where) for finding in reject.findings)) from None
    value = read_literal(text, where, faults.limits)
    if isinstance(value, dict) and not quiet:
        faults.repair(Reason.REPAIR_PYTHON_LITERAL, Reason.TOOL_ARGS_UNPARSEABLE, where, f"a Python literal became JSON: {clip(text)}")
    return Value(value, None, (), where)


def _inner(finding: Finding, where: str) -> Finding:
    """What parsing found, said of a text inside the record."""
    if finding.code == Reason.JSON_TOO_DEEP.code:
        return Reason.TOOL_LITERAL_TOO_DEEP.at(where, finding.detail)
    return finding._replace(where=where)
