"""What is trained: an answer without its header, up to the token that ends it. The header is what the generation prompt has too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pipelines.records import IGNORE_INDEX, Quarantined, Sample
from pipelines.training.laws import check_row
from tests.dialects.hf.conversations import PARIS, PLAIN, ROME, THINKING, TOOLS, WITH_TOOLS, answer, calls, record, result, user
from tests.dialects.hf.models import FAMILIES, dialect, rows


def shown(family: str, record: Any, **given: Any) -> str:
    """The row's text, with what is trained in «»."""
    *_, row = rows(family, record, **given)
    assert isinstance(row, Sample), row.findings
    pieces = dialect(family).vocabulary.pieces(row.tokens.input_ids)
    text, is_trained = "", False
    for piece, label in zip(pieces, row.tokens.labels, strict=True):
        if (label != IGNORE_INDEX) != is_trained:
            is_trained = not is_trained
            text += "«" if is_trained else "»"
        text += piece
    return text + ("»" if is_trained else "")


def end_of(text: str, start: str) -> str:
    return text[text.index(start) :]


def test_a_chatml_answer_is_trained_with_its_end_but_not_the_newline_after_it():
    text = shown("qwen2_5", record(PLAIN["multi"][:2]))
    assert end_of(text, "<|im_start|>user") == "<|im_start|>user\nOne?<|im_end|>\n<|im_start|>assistant\n«First answer.<|im_end|>»\n"


def test_thinking_that_the_generation_prompt_may_leave_out_is_trained():
    text = shown("qwen3", record(THINKING["think"]))
    assert text.endswith("<|im_start|>assistant\n«<think>\nSix sevens.\n</think>\n\nIt is 42.<|im_end|>»\n")


def test_the_token_that_ends_a_glm_answer_is_the_header_of_the_next_message():
    text = shown("glm4moe", record(PLAIN["multi"]))
    assert text == (
        "[gMASK]<sop><|user|>\nOne?<|assistant|>«\n<think></think>\nFirst answer.<|user|>»\nTwo?<|assistant|>«\n<think></think>\nSecond 答案 🚄.<|user|>»"
    )


def test_a_glm_call_ends_with_the_token_of_its_result_also_at_the_end_of_a_row():
    whole, last = shown("glm4moe", record(WITH_TOOLS["tool"], TOOLS)), shown("glm4moe", record(WITH_TOOLS["call last"], TOOLS))
    assert "</tool_call><|observation|>»\n<tool_response>" in whole
    assert last.endswith("</tool_call><|observation|>»")


def test_recipe_upstream_writes_no_token_after_an_open_answer():
    text = shown("glm4moe", record(PLAIN["plain"]), recipe="upstream", options={"end_of_turn": None})
    assert text.endswith("«\n<think></think>\nParis is the capital.»")


def test_gpt_oss_writes_channels_itself_and_ends_in_three_ways():
    text = shown("gptoss", record(WITH_TOOLS["tool"], TOOLS))
    assert "<|start|>assistant« to=functions.get_weather<|channel|>commentary json<|message|>" in text
    assert "<|call|>»<|start|>functions.get_weather" in text
    assert text.endswith("<|start|>assistant«<|channel|>final<|message|>It is 21 degrees.<|return|>»")
    assert "«<|channel|>final<|message|>First answer.<|end|>»<|start|>user" in shown("gptoss", record(PLAIN["multi"]))  # not an end of generation_config


def test_a_header_after_a_result_is_what_the_prompt_writes_there():
    text = shown("deepseekv3", record(WITH_TOOLS["tool"], TOOLS))
    assert "<｜User｜>Weather in Paris?<｜Assistant｜>«<｜tool▁calls▁begin｜>" in text
    assert text.endswith("<｜tool▁outputs▁end｜>«It is 21 degrees.<｜end▁of▁sentence｜>»")


def test_a_template_with_generation_tells_itself_what_is_trained():
    text = shown("qwen3_training", record(THINKING["think twice"]))
    assert text.count("«<think>\nSix") == 2


def test_with_dropped_reasoning_only_the_last_turn_is_trained_unless_asked_otherwise():
    logged = record(THINKING["think twice"])
    assert end_of(shown("qwen3", logged), "42.") == (
        "42.<|im_end|>\n<|im_start|>user\nAnd 8?<|im_end|>\n<|im_start|>assistant\n«<think>\nSix eights.\n</think>\n\n48.<|im_end|>»\n"
    )
    assert "«42.<|im_end|>»" in shown("qwen3", logged, options={"history_thinking": "train"})
    *_, kept = rows("qwen3", logged)
    assert [finding.code for finding in kept.tokens.findings] == ["tokens.thinking_left_out"]
    *_, refused = rows("qwen3", logged, options={"history_thinking": "refuse"})
    assert isinstance(refused, Quarantined)
    assert refused.findings[0].code == "tokens.template_loses"


def test_calls_after_the_last_question_belong_to_the_last_turn():
    messages = [*THINKING["think twice"][:2], *THINKING["think and call"]]
    text = shown("qwen3", record(messages, TOOLS))
    assert text.count("«") == 2
    assert "«<think>\nI must look." in text


def test_a_masked_answer_is_not_trained_and_keeps_its_span():
    logged = record([user("One?"), answer("First answer.", weight=0), user("Two?"), answer("Second.", weight=1)])
    *_, row = rows("qwen2_5", logged)
    assert shown("qwen2_5", logged).count("«") == 1
    assert [(span.role, span.weight) for span in row.tokens.turn_spans] == [("user", None), ("assistant", 0.0), ("user", None), ("assistant", 1.0)]


def test_loss_of_the_last_turn_trains_the_last_answer_only():
    assert shown("qwen2_5", record(PLAIN["multi"]), loss="last_turn").count("«") == 1


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["multi", "system", "two users", "tool", "steps"])
def test_turn_spans_are_the_own_text_of_each_message(family: str, name: str):
    messages, tools = (PLAIN[name], None) if name in PLAIN else (WITH_TOOLS[name], TOOLS)
    conversation, row = rows(family, record(messages, tools))
    if isinstance(row, Quarantined):
        return
    vocabulary = dialect(family).vocabulary
    for span in row.tokens.turn_spans:
        message, text = conversation.messages[span.message], vocabulary.decode(row.tokens.input_ids[span.start : span.end])
        assert span.role == message.role
        wanted = message.content if not message.metadata else message.metadata
        assert wanted.strip() in text.replace('\\"', '"'), (text, message)
        if message.role != "assistant":
            assert len(text) <= len(message.content) + 2


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_keep_the_laws_that_the_training_side_checks(family: str):
    checked = 0
    for messages, tools in [(one, None) for one in PLAIN.values()] + [(one, TOOLS) for one in WITH_TOOLS.values()]:
        *_, row = rows(family, record(messages, tools))
        if isinstance(row, Sample):
            spans = [{"message": one.message, "role": one.role, "start": one.start, "end": one.end, "weight": one.weight} for one in row.tokens.turn_spans]
            check_row({"input_ids": row.tokens.input_ids, "labels": row.tokens.labels, "turn_spans": spans, "images": []}, settings={"model": "hf"})
            checked += 1
    assert checked > 5


@pytest.mark.parametrize("family", FAMILIES)
def test_trained_tokens_are_the_answers_and_their_ends(family: str):
    for messages, tools in ((PLAIN["multi"], None), (WITH_TOOLS["tool"], TOOLS)):
        *_, row = rows(family, record(messages, tools))
        if isinstance(row, Quarantined):
            continue
        trained = row.tokens.labels != IGNORE_INDEX
        inside = np.zeros(len(trained), dtype=bool)
        for span in row.tokens.turn_spans:
            inside[span.start : span.end + 1] |= span.role == "assistant"
        assert (trained == inside).all()


def test_parallel_calls_are_one_answer():
    *_, row = rows("qwen3", record([user("Both?"), calls(PARIS, ROME), result("21"), result("25", 2), answer("Done.")], TOOLS))
    assert [(span.message, span.role) for span in row.tokens.turn_spans] == [
        (0, "user"),
        (1, "assistant"),
        (3, "observation"),
        (4, "observation"),
        (5, "assistant"),
    ]


def test_a_system_text_of_the_template_before_a_first_answer_is_not_trained():
    text = shown("qwen2_5_vl", record(PLAIN["answer first"]))
    assert text.startswith("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>assistant\n«Welcome!<|im_end|>»\n")


@pytest.mark.parametrize(
    ("family", "trained"),
    [
        ("qwen2_5", "<|im_start|>assistant\n«<|im_end|>»"),
        ("glm4moe", "<|assistant|>«\n<think></think><|user|>»"),
        ("gptoss", "«<|channel|>final<|message|><|end|>»"),
    ],
)
def test_a_blank_answer_is_its_end(family: str, trained: str):
    assert trained in shown(family, record([user("<"), answer(""), user("user"), answer("Speaking.")]))
