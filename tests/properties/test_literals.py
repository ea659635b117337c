"""Python literals: our reader gives the value that Python gives, or refuses the text."""

from __future__ import annotations

import ast
import warnings
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.config import Limits
from pipelines.normalize.literals import read_literal
from pipelines.parsing.budget import Budget
from pipelines.reasons import Reject
from tests.properties.depth import deep

LIMITS = Limits()
# Pieces of which random texts are made, so that all kinds of tokens are combined.
SIGNS = [*"{}[]():,+-'\"\\.#=", "'''", '"""', "{'a': ", "'k'", "...", "\n", "\r", " ", "\t", "\xa0", "\x00", "\ud800"]
WORDS = ["True", "None", "false", "0", "01", "7", "1_0", "1__0", "1e9", "1.", ".5", "0x1F", "2j", "r", "u", "b", "f", "ur", "a", "é", "٣"]
ESCAPES = ["\\n", "\\x41", "\\u00e9", "\\N{BULLET}", "\\777", "\\U00110000"]
PIECES = st.sampled_from(SIGNS + WORDS + ESCAPES)
WRITTEN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


def read(text: str) -> Any:
    return read_literal(text, "", Budget(LIMITS, len(text)))


def as_json(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    return {key: as_json(item) for key, item in value.items()} if isinstance(value, dict) else value


def pythons(text: str) -> Any:
    """The value that Python gives. In brackets, because otherwise a line end would end the expression."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings about unknown escapes
        return as_json(ast.literal_eval(f"({text.strip(chr(32) + chr(9) + chr(10) + chr(13) + chr(12))})"))


@given(pieces=st.lists(PIECES, max_size=12), inside=st.booleans())
@example(pieces=["'''", "a", "'"], inside=True)  # read as '' 'a'
@example(pieces=["0", "7"], inside=False)
@example(pieces=["'\\N{BULLET}'"], inside=True)
@example(pieces=["'a\\\\\nb'"], inside=True)
@example(pieces=["--1"], inside=True)
@deep(500)
def test_a_literal_that_is_read_has_the_value_that_python_gives(pieces: list[str], inside: bool):
    text = "".join(pieces)
    text = f"{{'k': {text}}}" if inside else text
    try:
        value = read(text)
    except Reject:
        return
    assert repr(value) == repr(pythons(text))


@given(value=WRITTEN, quote=st.booleans())
@deep(200)
def test_every_value_that_python_prints_is_read(value: Any, quote: bool):
    try:
        found = read(repr(value))
    except Reject as reject:
        found = reject.findings[0].code
    assert found in ("json.huge_number", "json.lone_surrogate") or repr(found) == repr(as_json(value))


@pytest.mark.parametrize("text", ["01", "1__0", "--1", "ur'a'", "{'a': 'x\ny'}", "'\\x4'", "'\\N{NO SUCH SIGN}'", "'''a'", "'a\x00'", "٣", "\xa01"])
def test_a_text_that_python_refuses_is_refused(text: str):
    with pytest.raises(Reject):
        read(text)


@pytest.mark.parametrize(
    ("text", "value"), [("'\\N{BULLET}'", "•"), ("'''a\r\nb'''", "a\nb"), ("{'a': 'b\\\nc'}", {"a": "bc"}), ("[00, 0x1F, 1_0, .5]", [0, 31, 10, 0.5])]
)
def test_unusual_literals_of_python_are_read(text: str, value: Any):
    assert read(text) == value
