"""Rows that a template does not take as they are: refused by name, or kept with a note."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from pipelines.config import parse_config
from pipelines.flow import open_flow
from pipelines.records import Quarantined, Sample
from tests.dialects.hf.conversations import PARIS, PLAIN, TOOLS, WITH_TOOLS, answer, calls, record, result, user
from tests.dialects.hf.models import CHATML, model_folder, rows
from tests.golden import outcomes

LOOP = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
PROMPT = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"


def row_of(template: str, home: Path, logged: Any, **given: Any) -> Any:
    """The row of a logged record in a ChatML model with this template."""
    folder = model_folder(home / "model", template, CHATML, None, "<|im_end|>", ["<|im_end|>"])
    data = {"name": "tried", "model": "hf", "tokenizer": str(folder), "max_tokens": 8192} | given
    config = parse_config({"sources": [{"name": "kit", "path": "logs.jsonl"}], "dialects": [data], "output": {"root": "out"}})
    return outcomes(logged, {}, open_flow(config))[-1]


def found(row: Any) -> list[tuple[str, str, str]]:
    findings = row.findings if isinstance(row, Quarantined) else row.tokens.findings
    return [(finding.code, finding.where, finding.detail) for finding in findings if finding.stage == "tokenize"]


@pytest.mark.parametrize(
    ("template", "messages", "code", "where", "detail"),
    [
        (LOOP + PROMPT, WITH_TOOLS["tool"], "template_loses", "messages[1]", "the template leaves out call 1 of 1"),
        (
            "{% for m in messages %}{% if m.role != 'tool' %}<|im_start|>{{ m.role }}\n{{ m.content }}{% for c in m.tool_calls or [] %}"
            "{{ c.function.name }} {{ c.function.arguments | tojson }}{% endfor %}<|im_end|>\n{% endif %}{% endfor %}" + PROMPT,
            WITH_TOOLS["tool"],
            "template_loses",
            "messages[2]",
            "the template leaves out the result",
        ),
        (
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content.split('!')[0] }}<|im_end|>\n{% endfor %}" + PROMPT,
            [user("Say! more"), answer("Yes.")],
            "template_loses",
            "messages[0]",
            "the template leaves out the text of the user message",
        ),
        (
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content[:40] }}<|im_end|>\n{% endfor %}" + PROMPT,
            [user("Long?"), answer("word " * 20)],
            "template_loses",
            "messages[1]",
            "the template leaves out the text of the answer",
        ),
        (
            "{% for m in messages %}{% if m.role == 'user' and loop.index0 % 2 %}{{ raise_exception('Roles must alternate') }}{% endif %}"
            "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}" + PROMPT,
            PLAIN["two users"],
            "template_refuses",
            "",
            "TemplateError: Roles must alternate",
        ),
        (LOOP.replace("{{ m.content }}", "{{ m.content + m.more }}") + PROMPT, [user("x"), answer("y")], None, "", "its chat template does not write"),
        (
            LOOP.replace("<|im_start|>{{ m.role }}", "{% if not loop.last or loop.length < 3 %}<|im_start|>{% endif %}{{ m.role }}") + PROMPT,
            PLAIN["multi"],
            "template_undecided",
            "messages[3]",
            "nothing tells where the header of the answer ends: it is not what the generation prompt writes",
        ),
    ],
)
def test_what_a_template_does_not_take_is_refused_by_name(tmp_path: Path, template: str, messages: Any, code: str | None, where: str, detail: str):
    logged = record(messages, TOOLS if any("tool_calls" in one for one in messages) else None)
    if code is None:
        with pytest.raises(Exception, match=detail):
            row_of(template, tmp_path, logged)
        return
    row = row_of(template, tmp_path, logged)
    assert isinstance(row, Quarantined)
    assert found(row)[0] == (f"tokens.{code}", where, detail)


def test_a_second_equal_call_is_missed_when_the_template_leaves_it_out():
    *_, row = rows("gptoss", record([user("Twice?"), calls(PARIS, PARIS), result("21"), result("21", 2), answer("Done.")], TOOLS))
    assert found(row)[0] == ("tokens.template_loses", "messages[1]", "the template leaves out call 2 of 2")


def test_definitions_that_the_template_leaves_out_are_noted(tmp_path: Path):
    row = row_of(LOOP + PROMPT, tmp_path, record(PLAIN["plain"], TOOLS))
    assert isinstance(row, Sample)
    assert found(row) == [("tokens.tools_left_out", "tools", "the template does not write them")]


def test_a_tool_syntax_writes_calls_that_the_template_would_leave_out(tmp_path: Path):
    row = row_of(LOOP + PROMPT, tmp_path, record(WITH_TOOLS["tool"], TOOLS), tool_syntax="hermes")
    assert isinstance(row, Sample)
    ids = row.tokens.input_ids.tolist()
    folder_ids = {name: 3000 + i for i, name in enumerate([*CHATML, "<think>", "</think>", "<tool_call>", "</tool_call>"])}
    assert ids.count(folder_ids["<tool_call>"]) == 3  # two in the instructions, as control tokens, and the call itself


def test_a_late_system_text_that_the_template_leaves_out_is_noted_even_if_an_answer_has_it(tmp_path: Path):
    late = [user("Hi"), answer("Be formal, you said."), {"role": "system", "content": "Be formal"}, user("Again"), answer("Good day.")]
    template = LOOP.replace("{% for m in messages %}", "{% for m in messages if m.role != 'system' %}") + PROMPT
    row = row_of(template, tmp_path, record(late))
    assert isinstance(row, Sample)
    assert found(row) == [("tokens.system_left_out", "messages[2]", "the template does not write it")]


def test_characters_that_are_marks_are_deleted_and_that_is_a_repair():
    *_, row = rows("qwen2_5", record([user("a\U000f0000<|im_end|>\U000f0001b"), answer("Yes.")]))
    assert found(row) == [("repair.marks_dropped", "", "2 characters U+F0000 or U+F0001")]


def test_a_template_that_takes_a_control_token_in_data_for_its_own_is_refused(tmp_path: Path):
    template = LOOP.replace("{{ m.content }}", "{{ m.content }}{% if m.content.endswith('<|im_end|>') %}!{% endif %}") + PROMPT
    row = row_of(template, tmp_path, record([user("x<|im_end|>"), answer("Yes.")]))
    assert found(row)[0][0] == "tokens.template_undecided"


def test_a_large_integer_in_arguments_keeps_its_digits(tmp_path: Path):
    number = 100_000_000_000_000_000_000
    chat = [user("Again?"), calls(("get_weather", {"city": number})), result("21"), answer("Done.")]
    row = row_of(LOOP + PROMPT, tmp_path, record(chat, TOOLS), tool_syntax="hermes")
    assert isinstance(row, Sample)
    vocabulary = Tokenizer.from_file(str(next(tmp_path.rglob("tokenizer.json"))))
    assert str(number) in vocabulary.decode(row.tokens.input_ids.tolist(), skip_special_tokens=False)


def test_a_row_that_is_too_long_loses_its_oldest_steps():
    long = [turn for i in range(6) for turn in (user(f"Question {i}?"), answer(f"Answer {i}."))]
    *_, whole = rows("qwen2_5", record(long))
    most = len(whole.tokens.input_ids) - 1
    *_, refused = rows("qwen2_5", record(long), max_tokens=most)
    *_, shorter = rows("qwen2_5", record(long), max_tokens=most, on_overflow="drop_turns")
    assert found(refused)[0] == ("tokens.too_long", "", f"{most + 1} tokens, max_tokens is {most}")
    assert found(shorter) == [("repair.turns_dropped", "", "the oldest 1 of 6 steps: 1 turns and 0 images")]
    assert len(shorter.tokens.input_ids) < most


def test_a_text_that_cannot_fit_is_refused_before_it_is_encoded():
    *_, row = rows("qwen2_5", record([user("x" * 200_000), answer("Yes.")]), max_tokens=100)
    assert found(row)[0][0] == "tokens.too_long"
    assert found(row)[0][2].startswith("at least ")


def test_a_call_is_not_looked_for_in_the_calls_after_it():
    """Here `{}` is an argument of the second call, and the template writes nothing for the arguments of the first."""
    calls_of = [("get_weather", {}), ("get_weather", {"city": "{}"})]
    *_, row = rows("glm4moe", record([user("Both?"), calls(*calls_of), result("21"), result("25", 2), answer("Done.")], TOOLS))
    assert isinstance(row, Sample), row.findings
