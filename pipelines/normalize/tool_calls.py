"""Tool calls of every log shape -> a name and the arguments as JSON text.

Arguments that the log gives as text stay as they are, letter for letter. Those that it gives as an object are written by us, the same
whatever the file's own spelling: what escapes and blanks a file has is no part of what the model should learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.formats.keys import HARMLESS
from pipelines.normalize.faults import Faults
from pipelines.normalize.literals import read_literal
from pipelines.normalize.written import write_json
from pipelines.parsing.careful import clip, kind_of, parse_json
from pipelines.parsing.written import Path, Written
from pipelines.reasons import Reason, Reject
from pipelines.records import Finding, Noun

_NOT_JSON = {Reason.LINE_INVALID_JSON.code, Reason.LINE_TRUNCATED_JSON.code, Reason.LINE_TRAILING_GARBAGE.code}


_CALL_KEYS = frozenset(("id", "function", "name", "arguments"))
_CALL_KNOWN = _CALL_KEYS | HARMLESS["call"]
MOST_LISTS = 4  # in one another; a text with calls is read once more for each
# Where a call keeps its arguments, by the API that logged it.
_ARGUMENTS = ("arguments", "args", "parameters", "input")


class Call(Noun, frozen=True):
    """`arguments` is the text of a JSON object; `values` is what it holds; `id` is the log's, if it has one. `is_ours` says that we wrote the text."""

    name: str
    arguments: str
    values: Mapping[str, Any]
    id: str | None
    where: str
    is_ours: bool = False


class Value(Noun, frozen=True):
    """A JSON value and the text that it was read from, which is None for a Python literal. `is_text`: that text is a text of the log, and parts
    of it are cut out as they are written."""

    value: Any
    written: Written | None
    path: Path
    where: str
    is_text: bool = False

    def at(self, key: str | int) -> Value:
        where = f"{self.where}[{key}]" if isinstance(key, int) else f"{self.where}.{key}"
        return Value(self.value[key], self.written, (*self.path, key), where, self.is_text)

    def own_text(self) -> str:
        if self.written is not None and self.is_text:
            return self.written.cut(self.path)
        return write_json(self.value, self.written, self.path)


def read_calls(value: Value, faults: Faults, lists: int = 0) -> list[Call]:
    """The calls in this value: one, or a list of them, as objects or as JSON text; `lists` are those that it stands in. Raises Reject where it holds none."""
    if isinstance(value.value, str):
        return read_calls(_read_call_text(value, faults), faults, lists)
    if isinstance(value.value, list) and value.value and lists < MOST_LISTS:
        return [call for i in range(len(value.value)) for call in read_calls(value.at(i), faults, lists + 1)]
    if not isinstance(value.value, dict):
        raise Reject(Reason.TOOL_CALL_MALFORMED.at(value.where, f"found {kind_of(value.value)}; expected an object with name and arguments"))
    return [_read_call(value, faults)]


def logged_as_text(text: str, where: str, faults: Faults) -> Value | None:
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
    is_call = isinstance(value.value, dict) and set(value.value) == {"name", "arguments"} and isinstance(value.value["name"], str)
    return value if is_call else None


def lifted(value: Value, text: str, faults: Faults) -> Call:
    """The call of what `logged_as_text` found."""
    if value.written is None:
        faults.repair(Reason.REPAIR_PYTHON_LITERAL, Reason.TOOL_ARGS_UNPARSEABLE, value.where, f"a call written as a Python literal: {clip(text.strip())}")
    return _read_call(value, faults)


def arguments_text(text: str, where: str, faults: Faults) -> tuple[str, Mapping[str, Any]]:
    """(JSON text, values) of arguments logged as text: verbatim where they are a JSON object, translated where they are a Python dict."""
    value = _read_text(text, where, faults, Reason.TOOL_ARGS_UNPARSEABLE)
    if not isinstance(value.value, dict):
        raise Reject(Reason.TOOL_ARGS_NOT_OBJECT.at(where, f"found {kind_of(value.value)}: {clip(text)}"))
    return (text if value.written is not None else value.own_text()), value.value


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
    key = "arguments" if inner.value.get("arguments") is not None else next((key for key in _ARGUMENTS if inner.value.get(key) is not None), None)
    for level in (value, inner) if inner is not value else (value,):
        if not level.value.keys() <= _CALL_KNOWN:
            faults.unread.add_others("call", level.where, level.value, _CALL_KEYS | {key or "arguments"})
    name = inner.value.get("name")
    if "name" not in inner.value and key is None:
        raise Reject(Reason.TOOL_CALL_MALFORMED.at(value.where, f"keys {clip(', '.join(map(str, logged)))}; expected name and arguments"))
    if not isinstance(name, str) or not name.strip():
        raise Reject(Reason.TOOL_NAME_MISSING.at(f"{inner.where}.name", f"found {kind_of(name)}"))
    arguments, values, is_ours = _arguments(inner, key, faults)
    return Call(name, arguments, values, call_id(logged.get("id")), value.where, is_ours)


def _arguments(inner: Value, key: str | None, faults: Faults) -> tuple[str, Mapping[str, Any], bool]:
    """(text, values, whether we wrote the text)."""
    where = f"{inner.where}.{key or 'arguments'}"
    given = inner.value[key] if key else None
    if given is None and (more := [name for name in inner.value if name not in _CALL_KEYS and name not in HARMLESS["call"] and inner.value[name] is not None]):
        raise Reject(Reason.TOOL_CALL_MALFORMED.at(inner.where, f"the call has no arguments, but {clip(', '.join(more))}"))
    if given is None or (isinstance(given, str) and not given.strip()):
        found = "arguments are blank" if isinstance(given, str) else "no arguments"
        faults.repair(Reason.REPAIR_ARGUMENTS_EMPTY, Reason.TOOL_ARGS_UNPARSEABLE, where, f"{found}: read as {{}}")
        return "{}", {}, True
    if isinstance(given, str):
        return (*arguments_text(given, where, faults), False)
    if isinstance(given, dict):
        return inner.at(key or "").own_text(), given, not inner.is_text
    raise Reject(Reason.TOOL_ARGS_NOT_OBJECT.at(where, f"found {kind_of(given)}; expected a JSON object"))


def call_id(value: Any) -> str | None:
    """The id of a call as text; a number is one too."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def _read_text(text: str, where: str, faults: Faults, blank: Reason, quiet: bool = False) -> Value:
    """The value of this text: JSON, else a Python literal, which is noted. Raises Reject."""
    if not text.strip():
        raise Reject(blank.at(where, "the text is blank"))
    unused: list[Finding] = []  # equal keys with equal values stay as they are written
    try:
        return Value(parse_json(text, faults.budget, unused), Written(text), (), where, True)
    except Reject as reject:
        if reject.findings[0].code not in _NOT_JSON:
            raise Reject(*(_inner(finding, where) for finding in reject.findings)) from None
    value = read_literal(text, where, faults.budget)
    if isinstance(value, dict) and not quiet:
        faults.repair(Reason.REPAIR_PYTHON_LITERAL, Reason.TOOL_ARGS_UNPARSEABLE, where, f"a Python literal became JSON: {clip(text)}")
    return Value(value, None, (), where)


def _inner(finding: Finding, where: str) -> Finding:
    """What parsing found, said of a text inside the record."""
    if finding.code == Reason.JSON_TOO_DEEP.code:
        return Reason.TOOL_LITERAL_TOO_DEEP.at(where, finding.detail)
    return finding._replace(where=where)
