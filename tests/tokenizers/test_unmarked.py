"""Control tokens that a tokenizer.json does not mark `special` are text in data too; words that were added to a vocabulary keep their ids."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import ConfigError
from pipelines.dialects import minicpm_v_2_5
from pipelines.dialects.dialect import open_with
from pipelines.tokenizers import Vocabulary, open_vocabulary
from pipelines.tokenizers.control import is_control
from tests.golden import DATA
from tests.making import configuration

STANDIN = DATA / "tokenizers" / "minicpmv25_standin" / "tokenizer.json"
# As Qwen3, DeepSeek, Mistral and Kimi have them, none marked `special`.
CONTROL = ["<tool_call>", "</tool_call>", "<think>", "</think>", "<｜User｜>", "<｜tool▁calls▁begin｜>", "[TOOL_CALLS]", "<|fim_pad|>"]
# As GPT-NeoX and Phi, OLMo, Gemma, and a vocabulary that somebody extended have them.
WORDS = ["    ", "  ", "\t\t", "|||EMAIL_ADDRESS|||", "<td>", "weather_forecast", "[1]"]


def write_vocabulary(folder: Path, **flags: Any) -> Path:
    """A small vocabulary with these tokens added to it."""
    parts = json.loads(STANDIN.read_text())
    first = 1 + max(parts["model"]["vocab"].values())
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False} | flags
    parts["added_tokens"] += [{"id": first + i, "content": name, **flags} for i, name in enumerate([*CONTROL, *WORDS])]
    (folder / "tokenizer.json").write_text(json.dumps(parts, ensure_ascii=False))
    return folder


@pytest.fixture(scope="module", params=[False, True], ids=["as written", "normalized"])
def vocabulary(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return open_vocabulary(str(write_vocabulary(tmp_path_factory.mktemp("unmarked"), normalized=request.param)), None, "here")


@pytest.mark.parametrize("name", CONTROL)
def test_an_unmarked_control_token_in_data_stays_text(vocabulary: Vocabulary, name: str):
    texts = [name, f"a{name}b", f"{name}{name}\n", f"    {name}  x", "e\u0301" + name]
    for text, ids in zip(texts, vocabulary.encode(texts), strict=True):
        assert not {vocabulary.specials[one] for one in CONTROL} & set(ids.tolist())
        assert vocabulary.decode(ids) == text
        assert ids.tolist() == vocabulary.tokenizer.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize("word", WORDS)
def test_an_added_word_keeps_its_id(vocabulary: Vocabulary, word: str):
    assert word not in vocabulary.specials
    own = vocabulary.tokenizer.token_to_id(word)
    for text in (word, f"x{word}y", f"</think>{word}."):
        (ids,) = vocabulary.encode([text])
        assert ids.tolist().count(own) == 1
        assert vocabulary.decode(ids) == text


def test_common_text_is_still_encoded_fast(vocabulary: Vocabulary):
    assert vocabulary._fast is not None
    (ids,) = vocabulary.encode(["def f(x):\n return 北京"])
    assert ids.tolist() == vocabulary.tokenizer.encode("def f(x):\n return 北京", add_special_tokens=False).ids


def test_a_dialect_can_write_an_unmarked_control_token_by_its_name(tmp_path: Path):
    from dataclasses import replace

    settings = configuration("minicpm_v_2_5", options={"tokenizer": str(write_vocabulary(tmp_path))}).dialects[0]
    writes = {name: replace(minicpm_v_2_5.MODEL, specials={**minicpm_v_2_5.MODEL.specials, name: None}) for name in ("</think>", "weather_forecast")}
    control = open_with(writes["</think>"], settings).vocabulary.control_ids
    assert int.from_bytes(control["</think>"], "little") == 16022
    with pytest.raises(ConfigError, match="has no special token weather_forecast"):
        open_with(writes["weather_forecast"], settings)


def test_the_fingerprint_is_of_the_unchanged_file(tmp_path: Path):
    from hashlib import sha256

    folder = write_vocabulary(tmp_path)
    assert open_vocabulary(str(folder), None, "here").fingerprint == sha256((folder / "tokenizer.json").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "special", "control"),
    [
        ("<|im_end|>", True, True),
        ("endoftext", True, True),
        ("<s>", True, True),
        ("<s>", False, False),
        ("</h1>", False, False),
        ("<image>", False, True),
        ("[gMASK]", False, True),
        ("<|>", False, False),
        ("<->", False, False),
        ('<|"|>', False, True),
        ("[ ]", False, False),
        ("<a b>", False, False),
        ("<a>\n", False, False),
    ],
)
def test_a_token_is_a_control_token_by_its_mark_or_its_spelling(name: str, special: bool, control: bool):
    assert is_control(name, special) == control
