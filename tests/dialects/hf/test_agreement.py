"""A folder of which transformers would make another tokenizer than its tokenizer.json is: refused when it is opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli import main
from pipelines.config import ConfigError
from pipelines.dialects import open_dialect
from pipelines.dialects.hf import card_of
from pipelines.dialects.hf.agreement import disagreements
from pipelines.dialects.hf.dialect import HfDialect
from pipelines.dialects.hf.rebuilt import Compared
from tests.dialects.hf.models import CHATML, model_folder, settings
from tests.dialects.hf.test_headers import LOOP, PROMPT

END = {"id": 7, "content": "<|im_end|>", "lstrip": False, "rstrip": False, "single_word": False, "normalized": False, "special": True}
LISTED = {key: value for key, value in END.items() if key != "id"}
TOKENIZER = {"added_tokens": [END], "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "ByteLevel", "add_prefix_space": False}]}}
FLAGS = "has other ids or flags (lstrip, rstrip, single_word, normalized) than tokenizer.json for these tokens: <|im_end|>"


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({}, []),
        ({"eos_token": "<|im_end|>", "added_tokens_decoder": {"7": LISTED}, "add_prefix_space": True}, []),
        ({"added_tokens_decoder": {"7": LISTED | {"rstrip": True}}}, [FLAGS]),
        ({"added_tokens_decoder": {"8": LISTED}}, [FLAGS]),
        ({"added_tokens_decoder": {"8": {"content": "<|new|>"}}}, ["adds tokens that tokenizer.json does not have: <|new|>"]),
        ({"unk_token": "<unk>"}, ["adds tokens that tokenizer.json does not have: <unk>"]),
        ({"pad_token": {"content": "<pad>"}}, ["adds tokens that tokenizer.json does not have: <pad>"]),
        ({"additional_special_tokens": ["<|im_end|>", "<x>"]}, ["adds tokens that tokenizer.json does not have: <x>"]),
        ({"extra_special_tokens": {"x_token": "<x>"}}, ["adds tokens that tokenizer.json does not have: <x>"]),
        ({"added_tokens": {"<|im_end|>": 7, "<x>": 9}}, ["adds tokens that tokenizer.json does not have: <x>"]),
        ({"tokenizer_class": "Qwen2Tokenizer", "add_prefix_space": True}, ["has add_prefix_space: true, and tokenizer.json has not"]),
        ({"tokenizer_class": "GPT2TokenizerFast"}, []),
    ],
)
def test_settings_that_make_another_tokenizer_are_found(given: dict[str, Any], faults: list[str]):
    assert list(disagreements(given, TOKENIZER)) == faults


def folder(home: Path, **files: Any) -> Path:
    made = model_folder(home / "model", "{{ bos_token }}" + LOOP + PROMPT, CHATML, "<|im_start|>", "<|im_end|>", ["<|im_end|>"])
    for name, value in files.items():
        file = made / f"{name}.json"
        file.write_text(json.dumps((json.loads(file.read_text()) if file.is_file() else {}) | value))
    return made


def test_a_disagreement_is_told_when_the_folder_is_opened(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"tokenizer_config\.json adds tokens that tokenizer\.json does not have: <x>"):
        open_dialect(settings(folder(tmp_path, added_tokens={"<x>": 9999})))


@pytest.mark.parametrize("value", [{"added_tokens_decoder": ["<x>"]}, {"added_tokens_decoder": {"1": "<x>"}}])
def test_settings_of_another_form_are_told(tmp_path: Path, value: dict[str, Any]):
    with pytest.raises(ConfigError, match="is not as transformers writes it"):
        open_dialect(settings(folder(tmp_path, tokenizer_config=value)))


@pytest.mark.parametrize("lists_tokens", [False, True])
def test_special_tokens_map_goes_before_the_settings_unless_these_list_all_tokens(tmp_path: Path, lists_tokens: bool):
    from transformers import AutoTokenizer

    made = folder(tmp_path, special_tokens_map={"bos_token": "<|endoftext|>"})
    if lists_tokens:
        tokens = json.loads((made / "tokenizer.json").read_text())["added_tokens"]
        listed = {str(token["id"]): {key: value for key, value in token.items() if key != "id"} for token in tokens}
        folder(tmp_path, tokenizer_config={"added_tokens_decoder": listed}, special_tokens_map={"bos_token": "<|endoftext|>"})
    opened = open_dialect(settings(made))
    assert isinstance(opened, HfDialect)
    assert opened.folder.named["bos_token"] == AutoTokenizer.from_pretrained(made).bos_token == ("<|im_start|>" if lists_tokens else "<|endoftext|>")


@pytest.mark.parametrize("end", [99_999_999, "<|im_end|>"])
def test_an_end_that_is_no_token_is_told(tmp_path: Path, end: Any):
    with pytest.raises(ConfigError, match=r"generation_config\.json: eos_token_id .* is not the id of a token"):
        open_dialect(settings(folder(tmp_path, generation_config={"eos_token_id": end})))


def test_a_template_in_another_encoding_is_told_with_its_file(tmp_path: Path):
    made = folder(tmp_path)
    (made / "chat_template.jinja").write_bytes("é".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"chat_template.jinja is not UTF-8: byte 0"):
        open_dialect(settings(made))


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("Qwen2Tokenizer", None),  # brings the rules that this file has
        ("PreTrainedTokenizerFast", None),  # reads the file as it is
        ("SomebodysOwn", None),  # transformers does not know it, and reads the file
        ("GPT2Tokenizer", r"GPT2Tokenizer of transformers makes other ids of 'a  b\\tc   d'.*set tokenizer_class to PreTrainedTokenizerFast"),
        ("GPTNeoXTokenizerFast", "GPTNeoXTokenizer of transformers has these tokens, and tokenizer.json has not: <|padding|>"),
    ],
)
def test_a_class_that_has_other_rules_than_the_file_is_refused(tmp_path: Path, name: str, fault: str | None):
    pytest.importorskip("transformers")
    given = settings(folder(tmp_path, tokenizer_config={"tokenizer_class": name}))
    if fault is None:
        open_dialect(given)
    else:
        with pytest.raises(ConfigError, match=fault):
            open_dialect(given)
        open_dialect(given, compare=False)


NOT_COMPARED = "tokenizer.json was not compared with the tokenizer that transformers makes of the folder: "


def test_check_and_the_card_say_why_a_tokenizer_was_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    made = folder(tmp_path, tokenizer_config={"tokenizer_class": "SomebodysOwn", "auto_map": {"AutoTokenizer": ["own.SomebodysOwn", None]}})
    conf = tmp_path / "run.yaml"
    dialect = f"{{name: own, model: hf, tokenizer: {made}, max_tokens: 99}}"
    conf.write_text(f"sources: [{{name: kit, path: a.jsonl, allow_empty: true}}]\ndialects: [{dialect}]\noutput: {{root: out}}\n")
    monkeypatch.setattr("pipelines.dialects.hf.rebuilt.has_transformers", lambda: False)
    assert main(["check", str(conf)]) == 0
    assert f"dialect own: {NOT_COMPARED}transformers is not installed" in capsys.readouterr().out
    assert main(["dialects", "--card", str(made)]) == 0
    assert f"tokenizer: {NOT_COMPARED}transformers is not installed" in capsys.readouterr().out
    monkeypatch.undo()
    pytest.importorskip("transformers")
    assert main(["check", str(conf)]) == 0
    assert f"dialect own: {NOT_COMPARED}transformers cannot open it: ValueError: " in capsys.readouterr().out


def test_a_tokenizer_that_is_read_as_it_is_needs_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipelines.dialects.hf.rebuilt.has_transformers", lambda: False)
    made = folder(tmp_path, tokenizer_config={"tokenizer_class": "PreTrainedTokenizerFast"})
    assert card_of(str(made), compare=True).compared == Compared()
    assert "compared" not in card_of(str(made), compare=True).facts()


def test_a_card_names_the_difference_which_a_dialect_is_refused_for(tmp_path: Path):
    pytest.importorskip("transformers")
    made = folder(tmp_path, tokenizer_config={"tokenizer_class": "GPT2Tokenizer"})
    assert any(line.startswith("tokenizer: GPT2Tokenizer of transformers makes other ids of ") for line in card_of(str(made), compare=True).lines())
