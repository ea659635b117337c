"""Where the header of an answer ends, in templates that nobody has seen before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.config import ConfigError
from pipelines.dialects import open_dialect
from pipelines.dialects.hf.dialect import HfDialect
from pipelines.dialects.hf.headers import UNDECIDED, Header, decide_header
from pipelines.reasons import Reject
from pipelines.records import IGNORE_INDEX, Message
from tests.dialects.hf.models import CHATML, model_folder, settings
from tests.dialects.hf.survey import conversation

LOOP = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
PROMPT = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
VICUNA = "{% for m in messages %}{% if m.role == 'user' %}USER: {{ m.content }} {% else %}ASSISTANT: {{ m.content }}<|im_end|>\n{% endif %}{% endfor %}"
MARKED = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}"
    "{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
)
CHAT = (Message("user", "Which lake?"), Message("assistant", "OK"), Message("user", "And now?"), Message("assistant", "Done it."))


def opened(template: str, home: Path, **options: Any) -> HfDialect:
    dialect = open_dialect(settings(model_folder(home / "model", template, CHATML, None, "<|im_end|>", ["<|im_end|>"]), options=options))
    assert isinstance(dialect, HfDialect)
    return dialect


def shown(dialect: HfDialect, messages: Any = CHAT) -> tuple[str, list[str]]:
    """(the text of the row with «trained» parts, the codes of its findings)"""
    tokens = dialect.complete(dialect.encode(dialect.lay_out(conversation(messages, False))))
    text, is_trained = "", False
    for piece, label in zip(dialect.vocabulary.pieces(tokens.input_ids), [*tokens.labels.tolist()], strict=True):
        if (label != IGNORE_INDEX) != is_trained:
            is_trained = not is_trained
            text += "«" if is_trained else "»"
        text += piece
    return text + "»" * is_trained, [finding.code for finding in tokens.findings]


@pytest.mark.parametrize(
    ("template", "row"),
    [
        (LOOP, "assistant\n«OK<|im_end|>»"),  # no generation prompt
        (LOOP + PROMPT.replace("assistant", "bot"), "assistant\n«OK<|im_end|>»"),
        (LOOP + PROMPT.replace("\n", "\nSure, "), "assistant\n«OK<|im_end|>»"),
        (LOOP + PROMPT.replace("\n", "\n<reasoning>\n"), "assistant\n«OK<|im_end|>»"),
        (LOOP.replace("{{ m.content }}", "<think>\n</think>\n{{ m.content }}") + PROMPT, "assistant\n«<think>\n</think>\nOK<|im_end|>»"),
        (VICUNA + "{% if add_generation_prompt %}ASSISTANT:{% endif %}", "ASSISTANT:« OK<|im_end|>»"),
        (MARKED + PROMPT, "assistant\n«OK<|im_end|>»"),
        (MARKED.replace("{% endgeneration %}", "{% endgeneration %} ") + PROMPT, "assistant\n«OK <|im_end|>»"),
    ],
)
def test_of_an_answer_only_what_the_model_writes_is_trained(tmp_path: Path, template: str, row: str):
    text, findings = shown(opened(template, tmp_path))
    assert row in text
    assert (text.count("«"), findings) == (2, [])


def test_a_token_of_header_and_answer_is_trained_and_noted(tmp_path: Path):
    """As in the mask of transformers, which asks for the token that holds the answer's first character."""
    text, findings = shown(opened(VICUNA + "{% if add_generation_prompt %}ASSISTANT: {% endif %}", tmp_path))
    assert "ASSISTANT:« OK<|im_end|>»" in text
    assert findings == ["tokens.header_merged"]


def test_the_mask_of_a_merged_token_is_that_of_transformers(tmp_path: Path):
    from transformers import AutoTokenizer

    template = VICUNA.replace("{{ m.content }}<|im_end|>", "{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}")
    dialect = opened(template, tmp_path)
    tokens = dialect.complete(dialect.encode(dialect.lay_out(conversation(CHAT, False))))
    messages = [{"role": message.role, "content": message.content} for message in CHAT]
    theirs = AutoTokenizer.from_pretrained(dialect.folder.path).apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
    assert tokens.input_ids.tolist() == theirs["input_ids"]
    assert (tokens.labels != IGNORE_INDEX).tolist() == [bool(one) for one in theirs["assistant_masks"]]
    assert [finding.code for finding in tokens.findings] == ["tokens.header_merged"]


def test_an_answer_that_begins_inside_of_the_questions_last_token_is_refused(tmp_path: Path):
    dialect = opened("{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}<|im_end|>{% endif %}{% endfor %}", tmp_path)
    with pytest.raises(Reject, match="its first token also holds the end of another message"):
        shown(dialect, (Message("user", "Go on: th"), Message("assistant", "e end.")))


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (LOOP.replace("{{ m.role }}", "{{ m.role }} ({{ loop.index }})") + PROMPT, "it changes, and is not what the generation prompt writes"),
        (LOOP.replace("{{ m.role }}", "{{ m.role }} {{ m.content | length }}") + PROMPT, "it changes, and is not what the generation prompt writes"),
        (
            LOOP.replace("{{ m.content }}", "{% if m.role == 'assistant' %}Q: {{ messages[loop.index0 - 1].content }} A: {% endif %}{{ m.content }}") + PROMPT,
            "the template repeats the text of another message in the answer",
        ),
        (MARKED.replace("m.role == 'assistant'", "m.role == 'user'") + PROMPT, "what it marks with {% generation %} is no answer"),
    ],
)
def test_a_template_that_leaves_the_beginning_of_an_answer_undecided_is_not_opened(tmp_path: Path, template: str, why: str):
    with pytest.raises(ConfigError, match=why):
        opened(template, tmp_path)


def split(text: str) -> list[str]:
    return [part for part in text.replace("<A>", "\0<A>\0").split("\0") if part]


def is_token(unit: str) -> bool:
    return unit == "<A>"


@pytest.mark.parametrize(
    ("prompts", "answer", "header"),
    [
        (["<A>bot\n"], "<A>bot\n|", Header(("<A>", "bot\n"), 2, True)),
        (["<A>bot\n<think>\n"], "<A>bot\n|", Header(("<A>", "bot\n", "<think>\n"), 2, True)),
        (["<A>bot\n<x>", "<A>bot\n<y>"], "<A>bot\n<x>|", Header(("<A>", "bot\n"), 2, True)),
        (["<A>bot\n"], "<A>me\n|", Header(("<A>", "me\n"), 2, True)),
        ([], "<A>me\n|", Header(("<A>", "me\n"), 2, True)),
        ([], " |", Header()),
    ],
)
def test_prompt_and_written_text_decide_the_header(prompts: list[str], answer: str, header: Header):
    plain = [(answer.replace("|", text), answer.index("|")) for text in ("One.", "Two.")]
    assert decide_header(prompts, plain, [], split, is_token) == header


def test_a_header_that_changes_and_has_no_prompt_is_undecided():
    assert decide_header(["<A>bot\n"], [("<A>bot 1\nOne.", 9), ("<A>bot 2\nTwo.", 9)], [], split, is_token) == UNDECIDED
