"""Texts that are encoded fast get the ids that Hugging Face gives; what is not surely so goes to Hugging Face."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.tokenizers import Vocabulary, fast, open_vocabulary
from pipelines.tokenizers.families import GLM_4, MINICPM_V_2_6
from pipelines.tokenizers.fast import FastTokenizer, is_plain
from tests.golden import DATA

OPENED = {
    "minicpm_v_2_6": lambda: open_vocabulary("minicpm_v_2_6", MINICPM_V_2_6, "here"),
    "glm_4_standin": lambda: open_vocabulary("glm_4_standin", GLM_4, "here"),
    "minicpmv25": lambda: open_vocabulary(str(DATA / "tokenizers" / "minicpmv25_standin"), None, "here"),
    "minicpmv20": lambda: open_vocabulary(str(DATA / "tokenizers" / "minicpmv20_standin"), None, "here"),
}
WORDS = st.sampled_from(
    [
        "Hello",
        "it's",
        "I'LL",
        "北京",
        "天气",
        " ",
        "\n",
        "\r\n",
        "\t",
        "  ",
        "12345",
        "٣",
        "é",
        "e\u0301",
        "ﬁ",
        "Å",
        "ß",
        "İ",
        "🚄",
        "<|im_end|>",
        "<",
        "<|",
        "[gMASK",
        "<|endof",
    ]
)
TEXTS = st.lists(WORDS | st.text(max_size=6), max_size=12).map("".join) | st.text(max_size=40)


@pytest.fixture(scope="module", params=list(OPENED))
def vocabulary(request: pytest.FixtureRequest) -> Vocabulary:
    return OPENED[request.param]()


def test_every_text_gets_the_same_ids_as_from_hugging_face(vocabulary: Vocabulary):
    @settings(max_examples=400, deadline=None, derandomize=True)
    @given(texts=st.lists(TEXTS, max_size=4))
    @example(texts=["<|im_end|>", "plain", "e\u0301"])
    def holds(texts: list[str]) -> None:
        for text, ids in zip(texts, vocabulary.encode(texts), strict=True):
            assert ids.dtype == np.uint32
            assert ids.tolist() == vocabulary.tokenizer.encode(text, add_special_tokens=False).ids, text

    holds()


def test_texts_cut_before_a_heading_get_the_same_ids_where_the_facts_say_so(vocabulary: Vocabulary):
    """Texts that are cached are encoded in parts that meet at a heading, whatever the parts contain."""

    @settings(max_examples=200, deadline=None, derandomize=True)
    @given(lines=st.lists(TEXTS, min_size=2, max_size=4))
    def holds(lines: list[str]) -> None:
        parts = [f"{lines[0]}。\n", *(f"## {line}。\n" for line in lines[1:])]
        assert b"".join(map(vocabulary.cached_ids.__getitem__, parts)) == vocabulary.encode(["".join(parts)])[0].tobytes()

    if vocabulary.facts.cuts_headings:
        holds()
    else:
        assert vocabulary.facts.answers is None


def test_common_text_is_plain_and_text_with_rare_characters_or_control_tokens_is_not():
    vocabulary = OPENED["minicpm_v_2_6"]()
    assert is_plain(["What is the weather in Zürich? 北京明天的天气怎么样？🚄"], vocabulary._spelled)
    for text in ("e\u0301", "\u0340", "\u1100\u1161", "a <|im_start|> b", "\ud7b0", "\U00011000"):
        assert not is_plain([text], vocabulary._spelled), text


def test_texts_are_encoded_one_by_one_where_a_separator_cannot_separate_them():
    tokenizer = OPENED["minicpmv25"]()._fast
    assert tokenizer is not None
    assert tokenizer._separator
    texts = ["one", f"two {tokenizer._separator} three", "", "four"]
    assert tokenizer._encode_together(texts) is None
    assert [ids.tolist() for ids in tokenizer.encode(texts)] == [tokenizer._tokenizer.encode(text).tolist() for text in texts]
    assert [fast._is_separator(name) for name in ("<|im_end|>", "[MASK]", "##", "<a<")] == [True, True, False, False]


def test_a_tokenizer_is_reopened_after_a_number_of_tokens():
    tokenizer = FastTokenizer(OPENED["minicpmv20"]().path.read_bytes(), max_tokens=20)
    opened, found = [], []
    for _ in range(5):
        opened.append(tokenizer._tokenizer)
        found.append(tokenizer.encode(["Hello, world"])[0].tolist())
    assert len(found[0]) == 7
    assert found == [found[0]] * 5
    assert [one is opened[0] for one in opened] == [True, True, True, False, False]


def test_a_tokenizer_is_released_before_it_is_reopened(monkeypatch: pytest.MonkeyPatch):
    alive: list[int] = []

    class Tokenizer:
        def __init__(self, data: bytes):
            assert not alive
            alive.append(1)

        def __del__(self) -> None:
            alive.pop()

        def encode(self, text: str) -> np.ndarray:
            return np.zeros(1, dtype=np.uint32)

    monkeypatch.setattr("gigatoken.gigatoken_rs.load_hf_json", Tokenizer)
    tokenizer = FastTokenizer(b"", max_tokens=1)
    for _ in range(6):
        tokenizer.encode(["Hello, world"])
    assert alive == [1]
