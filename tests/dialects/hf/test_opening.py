"""Opening a model folder: its options, its card, its fingerprint, and what is wrong with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli import main
from pipelines.config import ConfigError, load_config
from pipelines.console.listings import dialects as dialects_command
from pipelines.dialects import open_dialect
from pipelines.dialects.hf import card_of
from pipelines.dialects.hf.card import asked_and_missing
from pipelines.dialects.hf.dialect import HfDialect
from tests.dialects.hf.models import CHATML, dialect, family_folder, model_folder, settings

CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def faults(folder: Path, **given: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as error:
        open_dialect(settings(folder, **given))
    return error.value.faults


def copied(family: str, home: Path) -> Path:
    return Path(shutil.copytree(family_folder(family), home / "model"))


def test_an_open_end_and_a_date_must_be_configured():
    assert faults(family_folder("glm4moe")) == (
        "dialects: tried.options.end_of_turn: required, because the chat template leaves the last answer open; the model's ends are "
        "<|endoftext|>, <|user|>, <|observation|>",
    )
    assert faults(family_folder("glm4moe"), options={"end_of_turn": "<|nobody|>"})[0].startswith(
        "dialects: tried.options.end_of_turn: <|nobody|> is not a token of the model"
    )
    assert faults(family_folder("gptoss")) == ("dialects: tried.options.date: required, because the chat template writes today's date",)


def test_options_are_checked_with_the_configuration(tmp_path: Path):
    data = {"name": "a", "model": "hf", "tokenizer": "model", "max_tokens": 9}
    bad = {"date": "tomorrow", "history_thinking": "drop", "template_kwargs": {"messages": []}, "pixels": 1}
    (tmp_path / "conf.yaml").write_text(json.dumps({"sources": [{"name": "s", "path": "x"}], "dialects": [data | {"options": bad}], "output": {"root": "out"}}))
    with pytest.raises(ConfigError) as error:
        load_config(tmp_path / "conf.yaml")
    assert sorted(error.value.faults) == [
        "dialects[0].options.date: expected a date such as 2026-11-22, found 'tomorrow'",
        "dialects[0].options.history_thinking: 'drop' is not one of as_template, refuse, train",
        "dialects[0].options.pixels: unknown key; did you mean min_pixels?",
        "dialects[0].options.template_kwargs: messages is given by the dialect itself",
    ]


def test_a_date_without_quotes_in_yaml_is_a_date():
    import datetime

    assert settings(family_folder("gptoss"), options={"date": datetime.date(2026, 11, 27)}).options.date == "2026-11-27"


def test_a_bundled_tokenizer_is_no_model_folder():
    assert faults(Path("glm_4_standin")) == ("dialects: tried.tokenizer: glm_4_standin has no chat template; hf needs a model folder",)


@pytest.mark.parametrize(
    ("file", "text", "word"),
    [
        ("chat_template.jinja", None, "has no chat template"),
        ("chat_template.jinja", "{% for %}", "is not a valid template"),
        ("chat_template.jinja", "nothing", "does not write a question and its answer"),
        ("chat_template.jinja", "{% macro all() %}{% for m in messages %}{{ m.content }}{% endfor %}{% endmacro %}{{ all() }}", "cannot be used"),
        ("generation_config.json", "[1]", "is not a JSON object"),
        ("tokenizer_config.json", "{", "tokenizer_config.json cannot be read: Expecting"),
        ("config.json", "[" * 200_000, "config.json cannot be read: "),
    ],
)
def test_what_is_wrong_with_a_folder_is_told(tmp_path: Path, file: str, text: str | None, word: str):
    folder = copied("qwen2_5", tmp_path)
    (folder / file).unlink() if text is None else (folder / file).write_text(text)
    (found,) = faults(folder)
    assert word in found


def test_a_token_that_only_the_settings_add_is_told(tmp_path: Path):
    folder = copied("qwen2_5", tmp_path)
    held = json.loads((folder / "tokenizer_config.json").read_text()) | {"added_tokens_decoder": {"9": {"content": "<|new|>"}}}
    (folder / "tokenizer_config.json").write_text(json.dumps(held))
    assert "adds tokens that tokenizer.json does not have: <|new|>" in faults(folder)[0]


@pytest.mark.parametrize("where", ["chat_template.json", "tokenizer_config.json", "list"])
def test_templates_are_found_where_transformers_finds_them(tmp_path: Path, where: str):
    folder = model_folder(tmp_path / "model", "unused", CHATML, None, "<|im_end|>", ["<|im_end|>"])
    (folder / "chat_template.jinja").unlink()
    held = json.loads((folder / "tokenizer_config.json").read_text())
    if where == "chat_template.json":
        (folder / where).write_text(json.dumps({"chat_template": CHAT}))
    else:
        named = [{"name": "default", "template": CHAT}, {"name": "tool_use", "template": CHAT.replace("\n{{", "\nwith tools: {{")}]
        (folder / "tokenizer_config.json").write_text(json.dumps(held | {"chat_template": CHAT if where != "list" else named}))
    opened = open_dialect(settings(folder))
    assert isinstance(opened, HfDialect)
    assert opened.writers[False].template.source == CHAT
    assert ("with tools" in opened.writers[True].template.source) == (where == "list")


def test_the_fingerprint_changes_with_every_file_that_decides_a_chat(tmp_path: Path):
    folder = copied("qwen2_5", tmp_path)
    known = {open_dialect(settings(folder)).fingerprint}
    for file, text in (
        ("chat_template.jinja", CHAT),
        ("generation_config.json", '{"eos_token_id": 3000}'),
        ("config.json", "{}"),
    ):
        (folder / file).write_text(text)
        fingerprint = open_dialect(settings(folder)).fingerprint
        assert fingerprint not in known
        known.add(fingerprint)
    (folder / "README.md").write_text("not part of it")
    assert open_dialect(settings(folder)).fingerprint in known


def test_the_card_tells_what_a_model_can_do():
    card = card_of(str(family_folder("gptoss")))
    assert card.abilities == {
        "system": "yes",
        "system_late": "loses",
        "two_questions": "yes",
        "answer_first": "yes",
        "calls": "yes",
        "parallel_calls": "loses",
        "text_beside_call": "loses",
        "call_last": "yes",
        "steps": "yes",
    }
    assert (card.tool_definitions, card.reasoning, card.earlier_reasoning, card.generation, card.date, card.open_end) == (
        True,
        "field",
        "loses",
        False,
        True,
        False,
    )
    glm = card_of(str(family_folder("glm4moe")))
    assert (glm.open_end, glm.result_token, set(glm.abilities.values())) == (True, "<|observation|>", {"yes"})


def test_the_card_is_printed(capsys: pytest.CaptureFixture[str]):
    assert main(["dialects", "--card", str(family_folder("qwen3"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "parallel calls: yes" in lines
    assert "reasoning of earlier answers: loses" in lines
    assert dialects_command.__name__ == "dialects"


def test_check_says_what_the_configuration_asks_and_the_model_cannot():
    asked = settings(family_folder("qwen2_5_vl"), on_overflow="fewer_slices")
    assert list(asked_and_missing(asked, dialect("qwen2_5_vl").card)) == [
        "the chat template does not take these, so such conversations are quarantined: calls and results, parallel calls, text beside a call, a call last, calls after results",
        "the chat template leaves out tool definitions; tool_syntax writes them into the system text",
        "on_overflow: fewer_slices has no effect, because the model's own processor decides about slices",
        "the model takes no images, so conversations with images are quarantined",
    ]
    with_syntax = settings(family_folder("qwen2_5_vl"), tool_syntax="hermes")
    assert list(asked_and_missing(with_syntax, dialect("qwen2_5_vl").card)) == ["the model takes no images, so conversations with images are quarantined"]
    thinking = settings(family_folder("qwen3"), options={"history_thinking": "refuse"})
    assert "the chat template leaves out the reasoning of earlier answers; such rows are quarantined" in asked_and_missing(thinking, dialect("qwen3").card)


def test_variables_of_the_template_can_be_set(tmp_path: Path):
    template = CHAT.replace("{% for m in messages %}", "{{ greeting }}{% for m in messages %}", 1)
    folder = model_folder(tmp_path / "model", template, CHATML, None, "<|im_end|>", ["<|im_end|>"])
    opened = open_dialect(settings(folder, options={"template_kwargs": {"greeting": "Hello <|im_end|>"}}))
    assert isinstance(opened, HfDialect)
    assert opened.writers[False].template.variables([], None, is_marked=True)["greeting"] == "Hello \U000f0000<|im_end|>\U000f0001"
