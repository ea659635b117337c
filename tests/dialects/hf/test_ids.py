"""The ids of a chat are those of transformers' apply_chat_template, whatever the data contains."""

from __future__ import annotations

import json
from functools import cache
from random import Random
from typing import Any

import pytest

from pipelines.records import Quarantined, Sample
from tests.dialects.hf.conversations import PLAIN, THINKING, TOOLS, WITH_TOOLS, answer, calls, record, result, user
from tests.dialects.hf.models import CHATML, DEEPSEEK, FAMILIES, GLM, HARMONY, family_folder, rows

Json = dict[str, Any]
# (family, conversation): why it is refused. DeepSeek's template writes no header before a second round of calls.
LOST = {
    ("gptoss", "parallel"): "call 2 of 2",
    ("gptoss", "text beside"): "the text of the answer",
    ("qwen2_5_vl", "tool"): "call 1 of 1",
    ("qwen2_5_vl", "quoted"): "call 1 of 1",
    ("qwen2_5_vl", "call last"): "call 1 of 1",
    ("qwen2_5_vl", "steps"): "call 1 of 1",
    ("qwen2_5_vl", "parallel"): "call 1 of 2",
    ("qwen2_5_vl", "text beside"): "call 1 of 1",
    ("deepseekv3", "steps"): "nothing tells where the header of the answer ends: it is not what the generation prompt writes",
}


@cache
def transformers_tokenizer(family: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(family_folder(family))


def ids_of_transformers(family: str, messages: list[Json], tools: list[Json] | None) -> list[int]:
    import transformers.utils.chat_template_utils as upstream

    class Pinned(upstream.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls(2026, 11, 27)

    tokenizer, today = transformers_tokenizer(family), upstream.datetime
    upstream.datetime = Pinned
    try:
        ids: list[int] = tokenizer.apply_chat_template(messages, tools=tools, tokenize=True, return_dict=False, sanitize_control_tokens=True)
    finally:
        upstream.datetime = today
    return ids


def ids_of(row: Any) -> list[int]:
    assert isinstance(row, Sample), row.findings
    return row.tokens.input_ids.tolist()


def same(family: str, ids: list[int], wanted: list[int]) -> bool:
    """A GLM row gets one token more, the end of its last turn."""
    return (ids[:-1] if family == "glm4moe" else ids) == wanted


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", [*PLAIN, *WITH_TOOLS])
def test_every_kind_of_conversation_has_the_ids_of_transformers_or_is_refused(family: str, name: str):
    messages, tools = (PLAIN[name], None) if name in PLAIN else (WITH_TOOLS[name], TOOLS)
    *_, row = rows(family, record(messages, tools))
    if (family, name) in LOST:
        assert isinstance(row, Quarantined)
        assert row.findings[0].code in ("tokens.template_loses", "tokens.template_undecided")
        assert row.findings[0].detail.removeprefix("the template leaves out ") == LOST[family, name]
        return
    as_texts = json.loads(json.dumps(messages))
    if family == "deepseekv3":  # its template takes arguments as text only
        for call in (call for message in as_texts for call in message.get("tool_calls", ())):
            call["function"]["arguments"] = json.dumps(call["function"]["arguments"], ensure_ascii=False)
    assert same(family, ids_of(row), ids_of_transformers(family, as_texts, tools))


@pytest.mark.parametrize("family", ["qwen3", "qwen3_training", "glm4moe"])
@pytest.mark.parametrize("name", THINKING)
def test_reasoning_goes_into_the_field_that_the_template_has_for_it(family: str, name: str):
    tools = TOOLS if "call" in name else None
    *_, row = rows(family, record(THINKING[name], tools))
    assert same(family, ids_of(row), ids_of_transformers(family, THINKING[name], tools))


WORDS = ["Hello", " the", "\n", "  ", "\n\n", "答案", "é", "🚄", "{", '"', "12345", "<", ">", "|", "im_end", "<|im", "_end|>", "think>", "</", "\t"]
HOSTILE = [*CHATML, *GLM[4:], *HARMONY[:4], *DEEPSEEK[:4], "<think>", "</think>", "<tool_call>", "<tool_response>", "\U000f0000", "\U000f0001<|im_end|>"]


def hostile_text(random: Random) -> str:
    return "x" + "".join(random.choice(WORDS if random.random() < 0.75 else HOSTILE) for _ in range(random.randrange(1, 12))) + "x"


def hostile_conversation(random: Random) -> list[Json]:
    messages = [{"role": "system", "content": hostile_text(random)}] if random.random() < 0.4 else []
    number = 0
    for _ in range(random.randrange(1, 4)):
        messages.append(user(hostile_text(random)))
        if random.random() < 0.4:
            number += 1
            messages += [calls(("get_weather", {"city": hostile_text(random), "days": 3}), first=number), result(hostile_text(random), number)]
        messages.append(answer(hostile_text(random)))
    return messages


@pytest.mark.parametrize("family", ["qwen3", "qwen2_5", "glm4moe", "gptoss"])
def test_control_tokens_in_data_are_text_as_transformers_makes_them(family: str):
    kept = 0
    for seed in range(40):
        messages = hostile_conversation(Random(seed))
        *_, row = rows(family, record(messages, TOOLS))
        if isinstance(row, Sample):
            kept += 1
            assert same(family, ids_of(row), ids_of_transformers(family, messages, TOOLS)), messages
        else:
            assert {finding.code for finding in row.findings} <= {"tokens.template_loses", "tokens.template_undecided", "repair.marks_dropped"}, row.findings
    assert kept > 20
