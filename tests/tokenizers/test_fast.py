"""Texts that are encoded fast get the ids that Hugging Face gives; what is not surely so goes to Hugging Face."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.tokenizers import Vocabulary, open_vocabulary
from pipelines.tokenizers.families import GLM_4, MINICPM_V_2_6
from pipelines.tokenizers.fast import is_plain
from tests.golden import DATA

OPENED = {
    "minicpm_v_2_6": lambda: open_vocabulary("minicpm_v_2_6", MINICPM_V_2_6, "here"),
    "glm_4_standin": lambda: open_vocabulary("glm_4_standin", GLM_4, "here"),
    "minicpmv25": lambda: open_vocabulary(str(DATA / "tokenizers" / "minicpmv25_standin"), None, "here"),
    "minicpmv20": lambda: open_vocabulary(str(DATA / "tokenizers" / "minicpmv20_standin"), None, "here"),
}
WORDS = st.sampled_from(
    ["Hello", "it's", "I'LL", "北京", "天气", " ", "\n", "\r\n", "\t", "  ", "12345", "٣", "é", "e\u0301", "ﬁ", "Å", "ß", "İ", "🚄", "<|im_end|>"]
)
TEXTS = st.lists(WORDS | st.text(max_size=6), max_size=12).map("".join) | st.text(max_size=40)


@pytest.fixture(scope="module", params=list(OPENED))
def vocabulary(request: pytest.FixtureRequest) -> Vocabulary:
    return OPENED[request.param]()


def test_every_text_gets_the_ids_of_hugging_face(vocabulary: Vocabulary):
    @settings(max_examples=400, deadline=None, derandomize=True)
    @given(texts=st.lists(TEXTS, max_size=4))
    @example(texts=["<|im_end|>", "plain", "e\u0301"])
    def holds(texts: list[str]) -> None:
        for text, ids in zip(texts, vocabulary.encode(texts), strict=True):
            assert ids.dtype == np.int32
            assert ids.tolist() == vocabulary.tokenizer.encode(text, add_special_tokens=False).ids, text

    holds()


def test_usual_text_is_plain_and_rare_or_spelled_text_is_not():
    vocabulary = OPENED["minicpm_v_2_6"]()
    assert is_plain(["What is the weather in Zürich? 北京明天的天气怎么样？🚄"], vocabulary._spelled)
    for text in ("e\u0301", "\u0340", "\u1100\u1161", "a <|im_start|> b", "\ud7b0", "\U00011000"):
        assert not is_plain([text], vocabulary._spelled), text
