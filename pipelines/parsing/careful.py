"""Bytes -> one JSON object, strictly: what JSON does not allow is found here, never at writing time."""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from pipelines.config import Limits
from pipelines.parsing.fast import NOT_PLAIN, plain_json
from pipelines.reasons import Reason, Reject
from pipelines.records import Finding, RawRecord

BOM = b"\xef\xbb\xbf"
NUMBER_DIGITS = 1000  # far beyond any measurement, far below what makes int() slow
_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_BLANK = " \t\n\r"
_SPACE = re.compile(f"[{_BLANK}]*")
_STARTED = re.compile(r"(-|t|tr|tru|f|fa|fal|fals|n|nu|nul|-?\d+(\.|(\.\d+)?[eE][+-]?)?)?\Z")


class Parsed(NamedTuple):
    """A record's object, and what was repaired on the way. NaN and Infinity are in it where `has_nonfinite`: they may stand where nobody reads them."""

    value: dict[str, Any]
    findings: list[Finding]
    has_nonfinite: bool = False


def parse_record(raw: RawRecord, limits: Limits) -> Parsed:
    """The record's object. Raises Reject with the first fault: after it nothing can be trusted."""
    findings: list[Finding] = []
    data = raw.raw
    if data.startswith(BOM):
        data = data[len(BOM) :]
        findings.append(Reason.REPAIR_BOM.at("", "byte order mark at the start"))
    value = plain_json(data, limits.json_depth)
    nonfinite: list[str] = []
    if value is NOT_PLAIN:
        value = read_json(_text(data), limits, findings, nonfinite)
    if not isinstance(value, dict):
        raise Reject(Reason.LINE_NOT_OBJECT.at("", f"found {kind_of(value)}"))
    return Parsed(value, findings, bool(nonfinite))


def parse_json(text: str, limits: Limits, findings: list[Finding]) -> Any:
    """The one JSON value of this text; equal pairs that stand twice are noted in `findings`. Raises Reject, never anything else."""
    try:
        value = plain_json(text.encode(), limits.json_depth)
    except UnicodeEncodeError:
        value = NOT_PLAIN
    return read_json(text, limits, findings) if value is NOT_PLAIN else value


def read_json(text: str, limits: Limits, findings: list[Finding], nonfinite: list[str] | None = None) -> Any:
    """`parse_json` by the careful parser: slow, and never wrong about what JSON allows. With a list for them, NaN and Infinity are values, and noted in it."""
    depth = text.count("{") + text.count("[")  # an upper bound
    if depth > limits.json_depth:
        depth = nesting(text)
    if depth > limits.json_depth:
        raise Reject(Reason.JSON_TOO_DEEP.at("", f"{depth} levels, limits.json_depth is {limits.json_depth}"))

    def constant(text: str) -> float:
        if nonfinite is None:
            raise Reject(Reason.JSON_NONFINITE.at("", f"{text} is no JSON number"))
        nonfinite.append(text)
        return float(text)

    decoder = json.JSONDecoder(object_pairs_hook=lambda pairs: _object(pairs, findings), parse_float=_float, parse_int=_int, parse_constant=constant)
    start = _skip(text, 0)
    try:
        value, end = decoder.raw_decode(text, start)
    except JSONDecodeError as error:
        raise Reject(_fault(text, error)) from None
    if (rest := text[end:].strip(_BLANK)) and not isinstance(value, (dict, list)):
        raise Reject(Reason.LINE_INVALID_JSON.at("", f"{kind_of(value)}, and then: {clip(rest)}"))
    if rest:
        raise Reject(Reason.LINE_TRAILING_GARBAGE.at("", f"{len(rest)} characters after the value, from character {end}: {clip(rest)}"))
    if "\\u" in text and _has_surrogate(value):
        raise Reject(Reason.JSON_LONE_SURROGATE.at("", "half of a surrogate pair is escaped in a text"))
    return value


def nesting(text: str) -> int:
    """How deep the brackets of this text go, those in strings aside. No recursion, so no text is too deep to be counted."""
    depth = deepest = 0
    for match in _BRACKETS.finditer(text):
        sign = text[match.start()]
        if sign in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in "]}":
            depth -= 1
    return deepest


def source_text(text: str, path: tuple[str | int, ...]) -> str:
    """The text of the value at this path in valid JSON, letter for letter: 2.50 stays 2.50. Where a key stands twice, the last counts.

    >>> source_text('{"a": [1, {"b": 2.50}]}', ("a", 1, "b"))
    '2.50'
    """
    start, end = _skip(text, 0), len(text.rstrip(_BLANK))
    for step in path:
        start, end = _places(text, start)[step]
    return text[start:end]


def kind_of(value: object) -> str:
    """What a JSON value is, in words for a finding."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null", int: "a number", float: "a number"}
    return names.get(type(value), type(value).__name__)


def clip(text: str, most: int = 80) -> str:
    """The beginning of a text, for a finding."""
    return repr(text if len(text) <= most else text[:most] + "…")


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Reject(Reason.LINE_INVALID_UTF8.at("", f"byte {error.start} is 0x{data[error.start]:02x}: {error.reason}")) from None
    if "\0" in text:
        raise Reject(Reason.LINE_NUL_BYTES.at("", f"{text.count(chr(0))} NUL bytes, the first at character {text.index(chr(0))}"))
    return text


def _fault(text: str, error: JSONDecodeError) -> Finding:
    where = f"character {error.pos}: {error.msg}"
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string") or _STARTED.match(text.rstrip(), error.pos):
        return Reason.LINE_TRUNCATED_JSON.at("", where)
    return Reason.LINE_INVALID_JSON.at("", where)


def _object(pairs: list[tuple[str, Any]], findings: list[Finding]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    for key, value in pairs:
        if _exact(value) != _exact(made[key]):
            raise Reject(Reason.JSON_DUPLICATE_KEY.at("", f"key {clip(key)} stands twice, with {clip(_exact(value))} and {clip(_exact(made[key]))}"))
    findings.append(Reason.REPAIR_DUPLICATE_KEY.at("", f"{len(pairs) - len(made)} keys stood again with the same value"))
    return made


def _exact(value: Any) -> str:
    """Equal values only have equal texts: 1, 1.0 and true are three."""
    return json.dumps(value, sort_keys=True)


def _float(text: str) -> float:
    _int_size(text)
    value = float(text)
    if math.isinf(value):
        raise Reject(Reason.JSON_HUGE_NUMBER.at("", f"{clip(text)} is more than a float holds"))
    return value


def _int(text: str) -> int:
    _int_size(text)
    return int(text)


def _int_size(text: str) -> None:
    if len(text) > NUMBER_DIGITS:
        raise Reject(Reason.JSON_HUGE_NUMBER.at("", f"a number of {len(text)} characters"))


def _has_surrogate(value: Any) -> bool:
    if isinstance(value, str):
        return _SURROGATE.search(value) is not None
    if isinstance(value, dict):
        return any(_has_surrogate(key) or _has_surrogate(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_has_surrogate, value))


_SCAN = json.JSONDecoder(parse_float=str, parse_int=str).scan_once  # type: ignore[attr-defined]
_COLON = re.compile(f"[{_BLANK}]*:[{_BLANK}]*")
_COMMA = re.compile(f"[{_BLANK}]*,?[{_BLANK}]*")


def _skip(text: str, at: int, blank: re.Pattern[str] = _SPACE) -> int:
    match = blank.match(text, at)
    return match.end() if match else at


@lru_cache(maxsize=8)  # two more than the containers on the way to a call: the calls of a record are cut out one after the other
def _places(text: str, at: int) -> dict[str | int, tuple[int, int]]:
    """Where the values begin and end that stand in the object or list that begins at `at`, by key or index."""
    found: dict[str | int, tuple[int, int]] = {}
    is_object, at = text[at] == "{", _skip(text, at + 1)
    while text[at] not in "]}":
        key: str | int = len(found)
        if is_object:
            key, at = scanstring(text, at + 1)
            at = _skip(text, at, _COLON)
        end = _SCAN(text, at)[1]
        found[key] = at, end
        at = _skip(text, end, _COMMA)
    return found
