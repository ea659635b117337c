"""Bytes -> one JSON object, strictly: whatever JSON does not allow is found here, not when a table is written."""

from __future__ import annotations

import json
import math
import re
from json import JSONDecodeError
from typing import Any, NamedTuple

from pipelines.parsing.budget import Budget, json_size
from pipelines.parsing.fast import NOT_PLAIN, plain_json
from pipelines.reasons import Reason, Reject
from pipelines.records import Finding, RawRecord
from pipelines.visible import counted

BOM = b"\xef\xbb\xbf"
NUMBER_DIGITS = 1000  # far more than any measurement needs, and still fast for int()
_SURROGATE = re.compile("[\ud800-\udfff]")
BLANK = " \t\n\r"
_STARTED = re.compile(r"(-|t|tr|tru|f|fa|fal|fals|n|nu|nul|-?\d+|(\.|(\.\d+)?[eE][+-]?))?\Z")


class Parsed(NamedTuple):
    """The object of a record, and the repairs. If `has_nonfinite`, it contains NaN or Infinity, perhaps only in fields that are not read."""

    value: dict[str, Any]
    findings: list[Finding]
    has_nonfinite: bool = False


def parse_record(raw: RawRecord, budget: Budget) -> Parsed:
    """The object of the record. Raises Reject with the first error: nothing after it can be trusted."""
    findings: list[Finding] = []
    data = raw.raw
    if data.startswith(BOM):
        data = data[len(BOM) :]
        findings.append(Reason.REPAIR_BOM.at("", "the record begins with a byte order mark"))
    budget.spend(data)
    value = plain_json(data, budget.limits.json_depth)
    nonfinite: list[str] = []
    if value is NOT_PLAIN:
        value = read_json(_text(data), budget, findings, nonfinite)
    if not isinstance(value, dict):
        raise Reject(Reason.LINE_NOT_OBJECT.at("", f"found {kind_of(value)}; expected an object"))
    return Parsed(value, findings, bool(nonfinite))


def parse_json(text: str, budget: Budget, findings: list[Finding]) -> Any:
    """The one JSON value of this text; equal pairs that appear twice are noted in `findings`. Raises Reject, never anything else."""
    data = text.encode("utf-8", "surrogatepass")
    budget.spend(data)
    value = plain_json(data, budget.limits.json_depth)
    return read_json(text, budget, findings) if value is NOT_PLAIN else value


def read_json(text: str, budget: Budget, findings: list[Finding], nonfinite: list[str] | None = None) -> Any:
    """`parse_json` with the careful parser: slow, and always right about what JSON allows. If `nonfinite` is a list, NaN and Infinity are allowed and added to it."""
    most = budget.limits.json_depth
    if text.count("{") + text.count("[") > most and (depth := json_size(text.encode("utf-8", "surrogatepass")).depth) > most:
        raise Reject(Reason.JSON_TOO_DEEP.at("", f"{depth} levels; limits.json_depth is {most}"))

    def constant(text: str) -> float:
        if nonfinite is None:
            raise Reject(Reason.JSON_NONFINITE.at("", f"{text} is not a JSON number"))
        nonfinite.append(text)
        return float(text)

    decoder = json.JSONDecoder(object_pairs_hook=lambda pairs: _object(pairs, findings), parse_float=_float, parse_int=_int, parse_constant=constant)
    blank = len(text) - len(text.lstrip(BLANK))
    try:
        value, end = decoder.raw_decode(text, blank)
    except JSONDecodeError as error:
        raise Reject(_fault(text, error)) from None
    if (rest := text[end:].strip(BLANK)) and not isinstance(value, (dict, list)):
        raise Reject(Reason.LINE_INVALID_JSON.at("", f"found {kind_of(value)}, followed by {clip(rest)}"))
    if rest:
        raise Reject(Reason.LINE_TRAILING_GARBAGE.at("", f"{counted(len(rest), 'character')} after the value, which ends at character {end}: {clip(rest)}"))
    if "\\u" in text and has_surrogate(value):
        raise Reject(Reason.JSON_LONE_SURROGATE.at("", "a string contains an escape for half of a surrogate pair"))
    return value


def kind_of(value: object) -> str:
    """The kind of a JSON value, for a finding."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null", int: "a number", float: "a number"}
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
        raise Reject(Reason.LINE_NUL_BYTES.at("", f"{counted(text.count(chr(0)), 'NUL byte')}, the first at character {text.index(chr(0))}"))
    return text


# Message of the parser -> our message.
_WORDS = {
    "Expecting value": "expected a value",
    "Expecting ',' delimiter": "expected a comma",
    "Expecting ':' delimiter": "expected a colon",
    "Expecting property name enclosed in double quotes": "expected a key in double quotes",
    "Unterminated string starting at": "the string that begins here has no closing quote",
    "Invalid control character at": "a control character in a string is not escaped",
    "Invalid \\escape": "a backslash is followed by a character that cannot be escaped in JSON",
    "Invalid \\uXXXX escape": "\\u is not followed by four hex digits",
}


def _fault(text: str, error: JSONDecodeError) -> Finding:
    message = error.msg.removesuffix(": ")
    detail = f"character {error.pos}: {_WORDS.get(message, message)}"
    if message.startswith("Unterminated string") or _STARTED.match(text.rstrip(), error.pos):
        return Reason.LINE_TRUNCATED_JSON.at("", detail)
    return Reason.LINE_INVALID_JSON.at("", detail)


def _object(pairs: list[tuple[str, Any]], findings: list[Finding]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    first: dict[str, Any] = {}
    for key, value in pairs:
        if key in first and not _are_same(value, first[key]):
            detail = f"the key {clip(key)} appears twice, with the values {clip(_exact(first[key]))} and {clip(_exact(value))}"
            raise Reject(Reason.JSON_DUPLICATE_KEY.at("", detail))
        first.setdefault(key, value)
    findings.append(Reason.REPAIR_DUPLICATE_KEY.at("", f"{counted(len(pairs) - len(made), 'key')} appeared again with the same value"))
    return made


def _are_same(one: Any, other: Any) -> bool:
    """1, 1.0 and true are three values."""
    if type(one) is not type(other):
        return False
    return _exact(one) == _exact(other) if isinstance(one, (dict, list, float)) else bool(one == other)


_exact = json.JSONEncoder(sort_keys=True).encode  # only equal values have equal texts


def _float(text: str) -> float:
    _int_size(text)
    value = float(text)
    if math.isinf(value):
        raise Reject(Reason.JSON_HUGE_NUMBER.at("", f"{clip(text)} is too large for a float"))
    return value


def _int(text: str) -> int:
    _int_size(text)
    return int(text)


def _int_size(text: str) -> None:
    if len(text) > NUMBER_DIGITS:
        raise Reject(Reason.JSON_HUGE_NUMBER.at("", f"a number of {len(text):,} characters; at most {NUMBER_DIGITS:,} are allowed"))


def has_surrogate(value: Any) -> bool:
    if isinstance(value, str):
        return _SURROGATE.search(value) is not None
    if isinstance(value, dict):
        return any(has_surrogate(key) or has_surrogate(item) for key, item in value.items())
    return isinstance(value, list) and any(map(has_surrogate, value))
