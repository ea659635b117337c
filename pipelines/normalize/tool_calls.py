"""Tool calls of every log shape -> a name and the arguments as JSON text.

Arguments that are logged as text stay exactly as they are. Arguments that are logged as an object are written by us, always in the same way:
the escapes and spaces of the file are nothing that the model should learn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipelines.formats.keys import CALL_FIELDS, HARMLESS
from pipelines.formats.logged import is_null
from pipelines.normalize.findings import Findings
from pipelines.normalize.in_text.grammars.call_text import values_in
from pipelines.normalize.literals import read_literal
from pipelines.normalize.written import write_json
from pipelines.parsing.careful import clip, kind_of, parse_json
from pipelines.parsing.written import Path, Written
from pipelines.reasons import Reason, Reject
from pipelines.records import Finding, Noun

_NOT_JSON = {Reason.LINE_INVALID_JSON.code, Reason.LINE_TRUNCATED_JSON.code, Reason.LINE_TRAILING_GARBAGE.code}
_READ_AND_REFUSED = {reason.code for reason in (Reason.JSON_DUPLICATE_KEY, Reason.JSON_HUGE_NUMBER, Reason.JSON_NONFINITE, Reason.JSON_TOO_MANY_VALUES)}

_CALL_KEYS = frozenset(("type", "function", *CALL_FIELDS["id"], *CALL_FIELDS["name"], "arguments"))
_PLAIN_KEYS = frozenset(("name", "arguments", "id", "type"))
_IDS, _NAMES, _ARGUMENTS = CALL_FIELDS["id"], CALL_FIELDS["name"], CALL_FIELDS["arguments"]
_TEXT_KEYS = frozenset(("type", "function", "index", "name", *_IDS, *_ARGUMENTS))
_TEXT_TYPES = ("function", "tool_use", "tool_call", "tool-call")
_CALL_KNOWN = _CALL_KEYS | HARMLESS["call"]
MOST_LISTS = 4  # nested; a text with calls is read once more for each level


class Call(Noun, frozen=True):
    """`arguments` is the text of a JSON object; `values` is what it holds; `ids` are those in the log. `is_ours` says that we wrote the text."""

    name: str
    arguments: str
    values: Mapping[str, Any]
    ids: tuple[str, ...]
    where: str
    is_ours: bool = False


class Value(Noun, frozen=True):
    """A JSON value and the text that it was read from, which is None for a Python literal. `is_text`: that text was a string in the
    log, and parts of it are copied exactly as written."""

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
        try:
            return write_json(self.value, self.written, self.path)
        except Reject as reject:
            raise Reject(*(finding._replace(where=self.where) for finding in reject.findings)) from None


def read_calls(value: Value, findings: Findings, lists: int = 0) -> list[Call]:
    """The calls in this value: one, or a list of them, as objects or as JSON text, or as several JSON texts; `lists` is the number of lists around it. Raises Reject if there are none."""
    if isinstance(value.value, str):
        try:
            inner = _read_call_text(value, findings)
        except Reject:
            texts = values_in(value.value, 0, len(value.value))
            if len(texts) < 2:
                raise
            return [call for one in texts for call in read_calls(Value(one.text, None, (), value.where), findings, lists)]
        return read_calls(inner, findings, lists)
    if isinstance(value.value, list) and value.value and lists < MOST_LISTS:
        return [call for i in range(len(value.value)) for call in read_calls(value.at(i), findings, lists + 1)]
    if not isinstance(value.value, dict):
        raise Reject(Reason.TOOL_CALL_MALFORMED.at(value.where, f"found {kind_of(value.value)}; expected an object with name and arguments"))
    return [_read_call(value, findings)]


def value_in_text(text: str, where: str, findings: Findings) -> Value | None:
    """The JSON value or Python literal that this part of an answer's text is; None if it is neither. Raises Reject if it is JSON with a fault."""
    try:
        return _read_text(text, where, findings, Reason.TOOL_CALL_MALFORMED, quiet=True)
    except Reject as reject:
        if reject.findings[0].code in _READ_AND_REFUSED:
            raise
        return None


def names_in(value: Any, is_tagged: bool = False, lists: int = 0) -> list[str]:
    """The name of each call that this value holds, an object or a list of them; [] if it holds anything else.

    Only between tags of its own may a call have no arguments.

    >>> names_in([{"name": "f", "parameters": {}}]), names_in({"name": "f", "arguments": {}, "age": 7})
    (['f'], [])
    """
    if isinstance(value, list):
        names = [names_in(item, is_tagged, lists + 1) for item in value] if lists < MOST_LISTS else []
        return [name for found in names for name in found] if all(names) else []
    if not isinstance(value, dict) or not value.keys() <= _TEXT_KEYS or value.get("type", "function") not in _TEXT_TYPES:
        return []
    inner = value["function"] if isinstance(value.get("function"), dict) else value
    name = inner.get("name") or value.get("function")
    has_arguments = any(isinstance(level.get(key), (dict, str)) for level in (inner, value) for key in _ARGUMENTS)
    return [name] if isinstance(name, str) and name.strip() and (has_arguments or is_tagged) else []


def note_literal(value: Value, findings: Findings) -> None:
    """Notes that a call or its arguments in an answer's text are a Python literal."""
    if value.written is None:
        findings.repair(
            Reason.REPAIR_PYTHON_LITERAL, Reason.TOOL_ARGS_UNPARSEABLE, value.where, f"the call was written as a Python literal: {clip(str(value.value))}"
        )


def arguments_text(text: str, where: str, findings: Findings) -> tuple[str, Mapping[str, Any]]:
    """(JSON text, values) of arguments logged as text: verbatim if they are a JSON object, translated if they are a Python dict."""
    value = _read_text(text, where, findings, Reason.TOOL_ARGS_UNPARSEABLE)
    if not isinstance(value.value, dict):
        raise Reject(Reason.TOOL_ARGS_NOT_OBJECT.at(where, f"found {kind_of(value.value)}: {clip(text)}; expected a JSON object"))
    return (text if value.written is not None else value.own_text()), value.value


def _read_call_text(value: Value, findings: Findings) -> Value:
    """The object that the text of a call holds. If it is neither JSON nor a literal, the call as a whole is malformed."""
    try:
        return _read_text(value.value, value.where, findings, Reason.TOOL_CALL_MALFORMED)
    except Reject as reject:
        unparsed = (Reason.TOOL_ARGS_UNPARSEABLE.code, Reason.TOOL_CODE_EXPRESSION.code)
        raise Reject(
            *(finding._replace(code=Reason.TOOL_CALL_MALFORMED.code) if finding.code in unparsed else finding for finding in reject.findings)
        ) from None


# Calls of the Responses API whose name is their type, with the key of their arguments.
_BUILT_IN = {"local_shell_call": "action", "computer_call": "action", "web_search_call": "action"}
_BUILT_IN_READ = _CALL_KEYS | {"action", "pending_safety_checks"}


def _read_built_in(value: Value, findings: Findings) -> Call:
    kind = value.value["type"]
    findings.unread.add_others("call", value.where, value.value, _BUILT_IN_READ)
    arguments, values, is_ours = _arguments(value, _BUILT_IN[kind], findings)
    found = [read_id(value.value[name], f"{value.where}.{name}", findings) for name in _IDS if name in value.value]
    return Call(kind.removesuffix("_call"), arguments, values, tuple([own for own in found if own is not None]), value.where, is_ours)


def _read_call(value: Value, findings: Findings) -> Call:
    logged = value.value
    inner = value.at("function") if isinstance(logged.get("function"), dict) else value
    key: str | None = "arguments"
    if inner.value.get("arguments") is None or not inner.value.keys() <= _PLAIN_KEYS or not (inner is value or logged.keys() <= _CALL_KEYS):
        if (other := _in_another_shape(value, findings)) is not None:
            return other
        holder, key = _find_arguments(value, inner, findings)
    else:
        holder = inner
    name = inner.value.get("name") or _other_name(inner.value) or _other_name(logged)
    if name is None and key is None:
        raise Reject(Reason.TOOL_CALL_MALFORMED.at(value.where, f"found the keys {clip(', '.join(map(str, logged)))}; expected name and arguments"))
    if not isinstance(name, str) or not name.strip():
        raise Reject(
            Reason.TOOL_NAME_MISSING.at(
                f"{inner.where}.name", f"found {'a blank string' if isinstance(name, str) else kind_of(name)}; expected the name of a tool"
            )
        )
    arguments, values, is_ours = _arguments(holder, key, findings)
    found = [read_id(logged[name], f"{value.where}.{name}", findings) for name in _IDS if name in logged]
    return Call(name, arguments, values, tuple([own for own in found if own is not None]), value.where, is_ours)


def _in_another_shape(value: Value, findings: Findings) -> Call | None:
    """The call of an object that is no call itself: OpenInference's {"tool_call": {...}}, calls whose name is their type, and the code of ADP."""
    logged = value.value
    if logged.get("name") is None and isinstance(kind := logged.get("type"), str) and kind in _BUILT_IN:
        return _read_built_in(value, findings)
    if logged.get("class_") == "code_action" and isinstance(code := logged.get("content"), str):
        return _code_call(value, code, findings)
    if logged.keys() <= _CODE_KEYS and isinstance(code := logged.get("code"), str):  # Gemini's executableCode
        return _code_call(value, code, findings)
    if isinstance(logged.get("custom"), dict) and isinstance(given := logged["custom"].get("input"), str):  # OpenAI's custom tools
        return _custom_call(value, given, findings)
    return _read_call(value.at("tool_call"), findings) if logged.keys() == {"tool_call"} and isinstance(logged["tool_call"], dict) else None


def _custom_call(value: Value, given: str, findings: Findings) -> Call:
    """The call of a tool whose input is a text, in no syntax of ours."""
    logged, name = value.value, value.value["custom"].get("name")
    if not isinstance(name, str) or not name.strip():
        raise Reject(Reason.TOOL_NAME_MISSING.at(f"{value.where}.custom.name", f"found {kind_of(name)}; expected the name of a tool"))
    findings.unread.add_others("call", value.where, logged, {"custom", *_IDS})
    findings.unread.add_others("call", f"{value.where}.custom", logged["custom"], ("name", "input"))
    found = [read_id(logged[key], f"{value.where}.{key}", findings) for key in _IDS if key in logged]
    return Call(name, json.dumps({"input": given}, ensure_ascii=False), {"input": given}, tuple([own for own in found if own is not None]), value.where, True)


_CODE_KEYS = frozenset(("language", "code", "id"))


def _code_call(value: Value, code: str, findings: Findings) -> Call:
    """The call that runs this code, named by its language: ADP logs code apart from the calls of functions, though both have results."""
    language = value.value.get("language")
    name = language if isinstance(language, str) and language.strip() else "code"
    findings.unread.add_others("call", value.where, value.value, ("class_", "content", "language", "code", "id"))
    detail = f"code in the language {clip(name)} became a call of a tool of that name"
    findings.repair(Reason.REPAIR_CODE_AS_CALL, Reason.TOOL_CALL_MALFORMED, value.where, detail)
    values = {"code": code}
    return Call(name, write_json(values, None, ()), values, (), value.where, is_ours=True)


def _other_name(logged: Mapping[str, Any]) -> Any:
    """The name of the function, under whatever key an API logs it."""
    function = logged.get("function")
    return function if isinstance(function, str) else next((logged[key] for key in _NAMES if logged.get(key)), None)


def _find_arguments(value: Value, inner: Value, findings: Findings) -> tuple[Value, str | None]:
    """(the object that has the arguments, their key in it). Notes keys that nothing reads, and different arguments under other keys."""
    levels = [inner] if inner is value else [inner, value]
    given = [(level, key) for level in levels for key in _ARGUMENTS if level.value.get(key) is not None]
    holder, key = next(((level, key) for level, key in given if level.value[key] not in ("", {})), given[0] if given else (inner, ""))
    for level in levels:
        findings.unread.add_others("call", level.where, level.value, _CALL_KEYS | {*_ARGUMENTS})
    for level, other in given:
        if (found := level.value[other]) not in ("", {}, holder.value[key]):
            findings.unread.add("call", level.where, other, found, f"the arguments were read from {holder.where}.{key}, which has different ones")
    return holder, key or None


def _arguments(inner: Value, key: str | None, findings: Findings) -> tuple[str, Mapping[str, Any], bool]:
    """(text, values, whether we wrote the text)."""
    where = f"{inner.where}.{key or 'arguments'}"
    given = inner.value[key] if key else None
    if given is None and (more := [name for name in inner.value if name not in _CALL_KNOWN and not is_null(inner.value[name])]):
        raise Reject(Reason.TOOL_CALL_MALFORMED.at(inner.where, f"the call has no arguments, but unknown keys: {clip(', '.join(more))}"))
    if given is None or (isinstance(given, str) and given.strip() in ("", "null")):
        found = "the arguments are blank" if isinstance(given, str) else "the call has no arguments"
        findings.repair(
            Reason.REPAIR_ARGUMENTS_EMPTY,
            Reason.TOOL_ARGS_UNPARSEABLE,
            where,
            f"{found}, and were read as {{}}" if isinstance(given, str) else f"{found}; they were read as {{}}",
        )
        return "{}", {}, True
    if isinstance(given, str):
        if inner.value.get("type") == "custom_tool_call":  # its input is a text, in no syntax of ours
            return json.dumps({"input": given}, ensure_ascii=False), {"input": given}, True
        return (*arguments_text(given, where, findings), False)
    if isinstance(given, dict):
        return inner.at(key or "").own_text(), given, not inner.is_text
    raise Reject(Reason.TOOL_ARGS_NOT_OBJECT.at(where, f"found {kind_of(given)}; expected a JSON object"))


def read_id(value: Any, where: str, findings: Findings) -> str | None:
    """The id of a call as text; a whole number is one too. Any other value is refused: results would be matched to the wrong calls."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    findings.refuse(Reason.SCHEMA_FIELD_TYPE, where, f"found {kind_of(value)}; expected a string or a whole number")
    return None


def _read_text(text: str, where: str, findings: Findings, blank: Reason, quiet: bool = False) -> Value:
    """The value of this text: JSON, or else a Python literal, which is noted as a repair. Raises Reject."""
    if not text.strip():
        raise Reject(blank.at(where, "the string is blank"))
    unused: list[Finding] = []  # equal keys with equal values stay as they are written
    try:
        return Value(parse_json(text, findings.budget, unused), Written(text), (), where, True)
    except Reject as reject:
        if reject.findings[0].code not in _NOT_JSON:
            raise Reject(*(_inner(finding, where) for finding in reject.findings)) from None
    value = read_literal(text, where, findings.budget)
    if isinstance(value, dict) and not quiet:
        findings.repair(Reason.REPAIR_PYTHON_LITERAL, Reason.TOOL_ARGS_UNPARSEABLE, where, f"a Python literal was turned into JSON: {clip(text)}")
    return Value(value, None, (), where)


def _inner(finding: Finding, where: str) -> Finding:
    """What parsing found, as a finding on a text inside the record."""
    if finding.code == Reason.JSON_TOO_DEEP.code:
        return Reason.TOOL_LITERAL_TOO_DEEP.at(where, finding.detail)
    return finding._replace(where=where)
