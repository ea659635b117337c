"""Edge cases of JSON and of the limits."""

from typing import Any

import pytest

from pipelines.config import Limits
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import clip, parse_record
from pipelines.reasons import Reject
from pipelines.records import raw_record


def parsed(data: bytes, depth: int = 3) -> tuple[Any, list[str]] | str:
    """(the object, the codes of its repairs), or the code of the reason."""
    try:
        found = parse_record(raw_record("s", "p", 1, data), Budget(Limits(json_depth=depth), len(data)))
    except Reject as reject:
        return reject.findings[0].code
    return found.value, [finding.code for finding in found.findings]


DIGITS = b"1" * 1000


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"a": [[1]]}', None),
        (b'{"a": [[[1]]]}', "json.too_deep"),
        (b'{"a": "[[[[[["}', None),
        (b'{"a": [], "b": [], "c": [[]], "d": []}', None),
        (b'{"a": ' + DIGITS + b"}", None),
        (b'{"a": ' + DIGITS + b"1}", "json.huge_number"),
        (b'{"a": 0.' + DIGITS[2:] + b"}", None),
        (b'{"a": 0.' + DIGITS[1:] + b"}", "json.huge_number"),
        (b'{"a": 1e400}', "json.huge_number"),
        (b'{"a": -1e400}', "json.huge_number"),
        (b'{"a": "\\ud800"}', "json.lone_surrogate"),
        (b'{"\\udfff": 1}', "json.lone_surrogate"),
        (b'{"a": ["\\udbff"]}', "json.lone_surrogate"),
        (b'{"a": "\\ud83d\\ude00"}', None),
        (b"[]", "line.not_object"),
        (b'"a"', "line.not_object"),
        (b"7", "line.not_object"),
        (b"null", "line.not_object"),
        (b"7 8", "line.invalid_json"),
        (b'{} {"a": 1}', "line.trailing_garbage"),
        (b"{}]", "line.trailing_garbage"),
        (b"{} \t\r\n", None),
        (b" \t{}", None),
        (b'{"a": 1', "line.truncated_json"),
        (b'{"a": 1.', "line.truncated_json"),
        (b'{"a": 1e', "line.truncated_json"),
        (b'{"a": -1.5e+', "line.truncated_json"),
        (b'{"a": 1.}', "line.invalid_json"),
        (b'{"a": "b', "line.truncated_json"),
        (b'{"a": tru', "line.truncated_json"),
        (b'{"a": -', "line.truncated_json"),
        (b'{"a":', "line.truncated_json"),
        (b'{"a": trux}', "line.invalid_json"),
        (b"{'a': 1}", "line.invalid_json"),
        (b'{"a": 1,}', "line.invalid_json"),
        (b'{"a": "\x00"}', "line.nul_bytes"),
        (b'{"a": "\xff"}', "line.invalid_utf8"),
    ],
)
def test_a_record_is_one_json_object_within_the_limits(data: bytes, code: str | None):
    found = parsed(data)
    assert found == code if code else not isinstance(found, str), found


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\xef\xbb\xbf{}", ({}, ["repair.bom"])),
        (b'{"a": 1, "a": 1}', ({"a": 1}, ["repair.duplicate_key"])),
        (b'{"a": {"b": 1, "c": 2}, "a": {"c": 2, "b": 1}}', ({"a": {"b": 1, "c": 2}}, ["repair.duplicate_key"])),
        (b'{"a": 1, "a": 1.0}', "json.duplicate_key"),
        (b'{"a": 1, "a": true}', "json.duplicate_key"),
        (b'{"a": [1, 2], "a": [2, 1]}', "json.duplicate_key"),
    ],
)
def test_duplicate_keys_are_merged_if_equal_and_refused_if_not(data: bytes, found: Any):
    assert parsed(data) == found


def test_a_long_text_is_shortened():
    assert clip("a" * 80) == repr("a" * 80)
    assert clip("a" * 81) == repr("a" * 80 + "…")
    assert clip("abc", 2) == repr("ab…")
