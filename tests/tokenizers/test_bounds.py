"""The lower bound for the tokens of a text: never more than the text has, and no bound where a tokenizer can lose text."""

import sys
import unicodedata
from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.tokenizers.bounds import least_tokens, longest_token, normalizes
from tests.golden import DATA, TOKENIZERS, _opened

OPENED = {"glm_4": "glm4_standin", "minicpm_v_2_6": "minicpmv26", "minicpm_v_2_5": "minicpmv25_standin", "minicpm_v_2": "minicpmv20_standin"}
PARTS: dict[str, Any] = orjson.loads((DATA / "tokenizers" / "minicpmv25_standin" / "tokenizer.json").read_bytes())
LONG = st.sampled_from([" ", "-", "=", "//", "Ġ", "▁", "x", "\n", "\u1fbe\u0308\u0301", "K", "e\u0301", "语", "<|user|>", "1"])
TEXTS = st.lists(st.builds(lambda text, times: text * times, LONG | st.text(max_size=3), st.integers(0, 300)), max_size=4).map("".join)


@pytest.mark.parametrize("dialect", OPENED)
def test_no_text_has_fewer_tokens_than_the_bound(dialect: str):
    vocabulary = _opened(dialect, TOKENIZERS[OPENED[dialect]]).vocabulary

    @settings(max_examples=200, deadline=None, derandomize=True)
    @given(texts=st.lists(TEXTS, max_size=4))
    def holds(texts: list[str]) -> None:
        assert vocabulary.least_tokens(texts) <= sum(map(len, vocabulary.encode(texts)))

    holds()


def test_the_bound_is_reached_by_a_run_of_the_longest_token():
    vocabulary = _opened("glm_4", TOKENIZERS["glm4_standin"]).vocabulary
    blanks = " " * 128 * 10
    assert vocabulary.least_tokens([blanks]) == len(vocabulary.encode([blanks])[0]) == 10


@pytest.mark.parametrize(("dialect", "longest"), [("glm_4", 128), ("minicpm_v_2_6", 128), ("minicpm_v_2_5", 75), ("minicpm_v_2", 128)])
def test_the_longest_token_of_each_vocabulary(dialect: str, longest: int):
    assert _opened(dialect, TOKENIZERS[OPENED[dialect]]).vocabulary.facts.longest == longest


def test_nfc_makes_no_text_shorter_than_two_bytes_for_three_characters():
    characters = map(chr, (code for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000))
    composed = [one for one in characters if unicodedata.decomposition(one) and unicodedata.normalize("NFC", one) == one]
    ratios = {one: len(unicodedata.normalize("NFD", one)) / len(one.encode()) for one in composed}
    assert max(ratios.values()) == ratios["\u0390"] == 1.5
    assert unicodedata.normalize("NFC", "\u1fbe\u0308\u0301") == "\u0390"


def test_only_text_that_is_not_ascii_can_become_shorter():
    assert least_tokens(["x" * 300], 100, normalizes=True) == least_tokens(["é" * 300], 100, normalizes=False) == 3
    assert least_tokens(["é" * 300], 100, normalizes=True) == 2
    assert least_tokens(["x" * 300], None, normalizes=False) == 0


def changed(**more: Any) -> dict[str, Any]:
    parts = deepcopy(PARTS)
    for key, value in more.items():
        parts[key] = {**parts["model"], **value} if key == "model" else value
    return parts


WITHOUT_A_BYTE = {letter: i for letter, i in PARTS["model"]["vocab"].items() if letter != "Ġ"}


@pytest.mark.parametrize(
    "parts",
    [
        changed(model={"type": "WordPiece"}),
        changed(model={"vocab": WITHOUT_A_BYTE}),
        changed(normalizer={"type": "StripAccents"}),
        changed(normalizer={"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]}),
        changed(normalizer={"type": "Replace", "pattern": {"String": " "}, "content": ""}),
        changed(pre_tokenizer={"type": "Whitespace"}),
        changed(pre_tokenizer={"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Removed"}, {"type": "ByteLevel"}]}),
        changed(pre_tokenizer=None),
    ],
)
def test_there_is_no_bound_where_text_can_get_lost(parts: dict[str, Any]):
    assert longest_token(parts, []) is None


@pytest.mark.parametrize("flag", ["lstrip", "rstrip"])
def test_there_is_no_bound_where_a_word_takes_the_blanks_beside_it(flag: str):
    word = {"content": "word", "lstrip": False, "rstrip": False}
    assert longest_token(PARTS, [word]) == 75
    assert longest_token(PARTS, [word | {flag: True}]) is None
    assert longest_token(PARTS, [word | {"content": "w" * 99}]) == 99


def test_nfc_is_found_alone_and_in_a_sequence():
    nfc = {"type": "NFC"}
    sequence = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, nfc]}
    assert [normalizes({"normalizer": one}) for one in (None, nfc, sequence, {"type": "Prepend"})] == [False, True, True, False]
