"""Which tokenizers are encoded fast, which texts are plain, and where a tokenizer is looked for."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import ConfigError
from pipelines.tokenizers import open_vocabulary
from pipelines.tokenizers.facts import cache_folder, facts_of, write_whole
from pipelines.tokenizers.families import GLM_4, MINICPM_V_2_6, tokenizer_json
from pipelines.tokenizers.fast import is_measured_kind, is_plain, spellings
from tests.golden import DATA

STANDIN = DATA / "tokenizers" / "minicpmv25_standin"
SPLIT, LEVEL = {"type": "Split"}, {"type": "ByteLevel"}
MEASURED: dict[str, Any] = {"model": {"type": "BPE"}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [SPLIT, LEVEL]}, "normalizer": None}


@pytest.mark.parametrize(
    ("change", "is_measured"),
    [
        ({}, True),
        ({"normalizer": {"type": "NFC"}}, True),
        ({"normalizer": {"type": "NFKC"}}, False),
        ({"model": {"type": "WordPiece"}}, False),
        ({"model": None}, False),
        *[({"model": {"type": "BPE", name: value}}, not value) for name, value in (("dropout", 0.1), ("unk_token", "<unk>"), ("byte_fallback", True))],
        *[({"model": {"type": "BPE", name: value}}, not value) for name in ("continuing_subword_prefix", "end_of_word_suffix") for value in ("##", "", None)],
        ({"pre_tokenizer": None}, False),
        ({"pre_tokenizer": LEVEL}, False),
        ({"pre_tokenizer": {"pretokenizers": [LEVEL, SPLIT]}}, False),
        ({"pre_tokenizer": {"pretokenizers": [SPLIT, LEVEL, LEVEL]}}, False),
    ],
)
def test_only_the_measured_kind_of_byte_level_bpe_is_recognized(change: dict[str, Any], is_measured: bool):
    assert is_measured_kind(MEASURED | change) == is_measured


@pytest.mark.parametrize(
    ("texts", "plain"),
    [
        ([], True),
        (["plain", "é谢🚄"], True),
        (["a <|end|> b"], False),
        (["a <|end", "|> b"], False),  # looked for in all texts at once
        (["a < b"], True),
        (["[x]"], False),
        (["e\u0301"], False),  # a combining mark
        (["plain", "e\u0301"], False),
        (["\ud800"], False),
        (["\U0001f1f5\U0001f1f9"], True),
        (["\U00020000"], False),  # a rare character of 32 bits
    ],
)
def test_plain_texts_have_no_rare_character_and_no_control_token(texts: list[str], plain: bool):
    assert is_plain(texts, spellings(["<|end|>", "<|begin|>", "[x]"])) == plain


def test_control_tokens_are_looked_for_by_their_first_character():
    assert [(first, pattern.pattern) for first, pattern in spellings(["<b>", "[x]", "<a>"])] == [("<", "<a>|<b>"), ("[", r"\[x\]")]


def folder(tmp_path: Path, name: str, blanks: int, modified: int) -> Path:
    made = tmp_path / "models--org--m" / "snapshots" / name
    shutil.copytree(STANDIN, made)
    with (made / "tokenizer.json").open("a") as file:
        file.write("\n" * blanks)
    os.utime(made, (modified, modified))
    return made


def test_the_newest_of_several_snapshots_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    for name, blanks, modified in (("b", 1, 100), ("c", 2, 300), ("a", 3, 200)):
        folder(tmp_path, name, blanks, modified)
    wanted = hashlib.sha256((STANDIN / "tokenizer.json").read_bytes() + b"\n\n").hexdigest()
    assert open_vocabulary("org/m", None, "here").fingerprint == wanted


@pytest.mark.parametrize("setting", ["HF_HUB_CACHE", "HF_HOME", "HOME"])
def test_the_cache_is_the_one_of_hugging_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str):
    for name in ("HF_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    below = {"HF_HUB_CACHE": "", "HF_HOME": "hub", "HOME": ".cache/huggingface/hub"}[setting]
    monkeypatch.setenv(setting, str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    folder(tmp_path / below, "a", 1, 100)
    assert open_vocabulary("org/m", None, "here").specials["<|eot_id|>"]


def test_a_tokenizer_that_cannot_be_found_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ConfigError, match="here: org/m is not a bundled tokenizer"):
        open_vocabulary("org/m", None, "here")


def test_facts_are_read_once_and_kept_under_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "agent-episodes"
    data = (STANDIN / "tokenizer.json").read_bytes()
    facts = facts_of(data, "a")
    (kept,) = (tmp_path / "agent-episodes" / "facts").iterdir()
    assert json.loads(kept.read_bytes())["fingerprint"] == facts.fingerprint == hashlib.sha256(data).hexdigest()
    assert facts_of(data, "a") == facts
    kept.write_bytes(b"[]")  # a damaged cache is read again
    assert facts_of(data, "a") == facts


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"no json"])
def test_an_invalid_tokenizer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ValueError, match=r"^a\.json is not a valid tokenizer\.json"):
        facts_of(data, "a.json")


def test_a_file_is_written_completely_and_its_folder_is_created(tmp_path: Path):
    write_whole(tmp_path / "new" / "a.json", b"1")
    write_whole(tmp_path / "new" / "a.json", b"2")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "new").iterdir()] == [("a.json", b"2")]


def test_the_special_tokens_of_a_family_have_the_ids_of_its_model():
    assert {name: GLM_4.specials[name] for name in ("<|endoftext|>", "[gMASK]", "<|user|>", "<|end_of_video|>")} == {
        "<|endoftext|>": 151329,
        "[gMASK]": 151331,
        "<|user|>": 151336,
        "<|end_of_video|>": 151342,
    }
    assert {name: MINICPM_V_2_6.specials[name] for name in ("<unk>", "<|endoftext|>", "<slice>", "</query>")} == {
        "<unk>": 128244,
        "<|endoftext|>": 151643,
        "<slice>": 151656,
        "</query>": 151665,
    }


def test_a_tokenizer_json_has_the_ranks_their_merges_and_the_special_tokens():
    ranks = {bytes([byte]): byte for byte in range(256)} | {b"ab": 256, b"cd": 257, b"abcd": 258, b"abc": 259}
    made = json.loads(tokenizer_json(ranks, GLM_4))
    assert made["model"]["merges"] == [["a", "b"], ["c", "d"], ["ab", "cd"], ["ab", "c"]]
    assert (made["model"]["vocab"]["abcd"], made["model"]["vocab"]["<|user|>"], made["normalizer"]) == (258, 151336, None)
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    assert made["added_tokens"][7] == {"id": 151336, "content": "<|user|>", **flags}
    assert made["pre_tokenizer"]["pretokenizers"][1] == {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    assert made["decoder"] == {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    assert made["post_processor"] == {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
    assert not any(made["model"][name] for name in ("fuse_unk", "byte_fallback", "ignore_merges", "dropout", "unk_token"))
    assert json.loads(tokenizer_json(ranks, MINICPM_V_2_6))["normalizer"] == {"type": "NFC"}
    assert is_measured_kind(made)
