"""The fast parser gives the same value as the careful one, or leaves the text to it."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.config import Limits
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import parse_json, read_json
from pipelines.parsing.fast import NOT_PLAIN, plain_json
from pipelines.reasons import Reject

LIMITS = Limits(json_depth=6)
TEXTS = st.text(st.sampled_from('":\\ {}[],.eE+-019aé\u4e16\U0001f684\n\t'), max_size=8) | st.text(max_size=6)
NUMBERS = st.integers() | st.floats() | st.sampled_from([2**63, 2**64, -(2**63) - 1, 10**30, 1e300, -0.0, 0])
VALUES = st.recursive(
    TEXTS | NUMBERS | st.booleans() | st.none(), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=24
)


def verdict(parse: Any, text: str) -> Any:
    """The value with the type of everything in it, and the notes; or the refusal."""
    findings: list[Any] = []
    try:
        return repr(parse(text, Budget(LIMITS, len(text)), findings)), [finding.code for finding in findings]
    except Reject as reject:
        return [finding.code for finding in reject.findings]


@settings(max_examples=1500, deadline=None)
@given(value=VALUES, style=st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " : "), (",", "\t:")]), escape=st.booleans())
def test_both_parsers_agree_on_json(value: Any, style: tuple[str, str], escape: bool):
    text = json.dumps(value, separators=style, ensure_ascii=escape)
    assert verdict(parse_json, text) == verdict(read_json, text)


@settings(max_examples=1500, deadline=None)
@given(value=VALUES, seed=st.integers(0, 2**32))
def test_both_parsers_agree_on_damaged_json(value: Any, seed: int):
    """Keys doubled, pieces cut out and moved, signs put in."""
    random = Random(seed)
    text = json.dumps(value, ensure_ascii=random.random() < 0.5)
    for _ in range(random.randrange(1, 4)):
        a, b = sorted(random.randrange(len(text) + 1) for _ in range(2))
        piece = random.choice(
            [text[a:b] * 2, "", '"a":1,"a":1,', '"a": 1, "\\u0061": 2,', '\\\\":', '":', "\\u0022", "\\", "NaN", "1e999", "[" * 9, "\0", "\ud800"]
        )
        text = text[:a] + piece + text[random.choice((a, b)) :]
    assert verdict(parse_json, text) == verdict(read_json, text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 1}',
        '{"a": 1, "\\u0061": 1}',
        '{"a": "\\u0022\\u0022", "b": 1, "b": 1}',
        '{"a" : 1, "a" : "\\""}',
        '{"a": [[[[[[1]]]]]]}',
        '{"a": 123456789012345678901234567890}',
        '{"a": 1.' + "0" * 1100 + "}",
        "[" + "7" * 1001 + "]",
        '{"a": NaN}',
        '{"a": "\\ud800"}',
    ],
)
def test_the_fast_parser_leaves_doubtful_text_to_the_careful_one(text: str):
    assert plain_json(text.encode(), LIMITS.json_depth) is NOT_PLAIN


@pytest.mark.parametrize(
    "text", ['{"a": {"b": [1, 2.5, "x: \\"y\\": z"]}}', '{"a": "{\\"b\\": \\"{\\\\\\"c\\\\\\": 1}\\"}"}', '{"a\\\\" : ":\\u00e9\\t"}', "[]"]
)
def test_the_fast_parser_reads_ordinary_records(text: str):
    assert plain_json(text.encode(), LIMITS.json_depth) == json.loads(text)


@pytest.mark.parametrize("depth", [100, 199, 200, 201, 250, 251, 254, 255, 256, 300])
@pytest.mark.parametrize("ends", ["[]", ('{"a":', "}")])
def test_both_parsers_agree_under_a_very_high_depth_limit(depth: int, ends: Any):
    text = ends[0] * depth + ("1" if ends[0] != "[" else "") + ends[1] * depth
    limits = Limits(json_depth=200)
    found = []
    for parse in (parse_json, read_json):
        try:
            found.append(repr(parse(text, Budget(limits, len(text)), [])))
        except Reject as reject:
            found.append([finding.code for finding in reject.findings])
    assert found[0] == found[1]
    assert isinstance(found[0], list) == (depth > 200)
