"""Calls and results as plain turns: every picture stays where the log has it, and a turn is trained if any call in it is."""

from typing import Any

import pytest

from pipelines.chat import tool_syntax
from pipelines.records import Message, Sample
from tests.golden import open_case
from tests.making import configuration, run

PICTURE = "▣"


def hermes(messages: list[Message], tools: str | None) -> list[Message]:
    return [turn.message for turn in tool_syntax.hermes(messages, tools)]


def as_json(messages: list[Message], tools: str | None) -> list[Message]:
    return [turn.message for turn in tool_syntax.as_json(messages, tools)]


TAP = '{"name": "tap", "arguments": {"x":1}}'


def drawn(message: Message) -> str:
    """The turn's text with its pictures in their places."""
    text = message.content
    for offset in reversed(message.image_at):
        text = f"{text[:offset]}{PICTURE}{text[offset:]}"
    return text


def called(*results: Message) -> list[Message]:
    return [Message("user", "q"), *(Message("assistant", '{"x":1}', "tap") for _ in results), *results]


@pytest.mark.parametrize(
    ("text", "image_at", "wanted"),
    [
        ("", (0,), "▣"),
        ("e", (0,), "▣e"),
        ("tool", (4,), "tool▣"),
        ("response", (0, 3), "▣res▣ponse"),
        (">\n</tool_response>", (2,), ">\n▣</tool_response>"),
    ],
)
def test_a_picture_in_a_result_keeps_its_place_in_the_text(text: str, image_at: tuple[int, ...], wanted: str):
    messages = called(Message("observation", text, image_at=image_at))
    assert drawn(hermes(messages, None)[-1]) == f"<tool_response>\n{wanted}\n</tool_response>"
    assert drawn(as_json(messages, None)[-1]) == wanted


def test_several_results_are_one_turn_and_each_keeps_its_pictures():
    messages = called(Message("observation", "", image_at=(0,)), Message("observation", "ab", image_at=(0, 1, 2)), Message("observation", "e"))
    (turn,) = hermes(messages, None)[2:]
    assert drawn(turn) == "\n".join(f"<tool_response>\n{text}\n</tool_response>" for text in ("▣", "▣a▣b▣", "e"))
    assert drawn(as_json(messages, None)[-1]) == "▣\n▣a▣b▣\ne"


def test_pictures_beside_calls_and_on_calls_keep_their_places():
    messages = [Message("user", "q"), Message("assistant", "I look.", image_at=(0, 7)), Message("assistant", '{"x":1}', "tap", image_at=(5,))]
    assert drawn(as_json(messages, None)[-1]) == '▣I look.▣\n{"name": "tap", "arguments": {"x":▣1}}'
    assert drawn(hermes(messages, None)[-1]) == '▣I look.▣\n<tool_call>\n{"name": "tap", "arguments": {"x":▣1}}\n</tool_call>'


@pytest.mark.parametrize(
    ("weights", "joined"),
    [
        ([0, None], None),
        ([None, 0], None),
        ([0, 0], 0),
        ([0.5, None], None),
        ([0.5, 0], 0.5),
        ([2.0, None], 2.0),
        ([None, None], None),
    ],
)
def test_a_turn_that_joins_calls_has_the_largest_weight_of_them(weights: list[float | None], joined: float | None):
    calls = [Message("assistant", '{"x":1}', "tap", loss_weight=weight) for weight in weights]
    (turn,) = hermes(calls, None)
    assert turn.loss_weight == joined


@pytest.mark.parametrize(
    ("of_text", "of_call", "turns"),
    [
        (None, None, [(f"I tap.\n{TAP}", None)]),
        (0.5, None, [(f"I tap.\n{TAP}", None)]),
        (0, 0, [(f"I tap.\n{TAP}", 0)]),
        (0, None, [("I tap.", 0), (TAP, None)]),
        (None, 0, [("I tap.", None), (TAP, 0)]),
    ],
)
def test_text_stays_a_separate_turn_if_only_it_or_only_its_call_is_masked(of_text: float | None, of_call: float | None, turns: list[Any]):
    messages = [Message("assistant", "I tap.", loss_weight=of_text), Message("assistant", '{"x":1}', "tap", loss_weight=of_call)]
    assert [(turn.content, turn.loss_weight) for turn in as_json(messages, None)] == turns


def shown(content: Any) -> str:
    """The row of a conversation with this result, its image tokens short."""
    record = {
        "messages": [
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "tap", "arguments": '{"x":1}'}}]},
            {"role": "tool", "tool_call_id": "a", "content": content},
            {"role": "assistant", "content": "done"},
        ]
    }
    config = configuration("minicpm_v_2_6", options={"tool_syntax": "hermes"})
    sample = run(record, config, {"b.png": (60, 40)})[-1]
    assert isinstance(sample, Sample), sample
    text = open_case(config).dialects[0].vocabulary.decode(sample.tokens.input_ids)
    return text.replace("<unk>" * 64, "…")


@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), ("", "e"), ("tool", "")],
)
def test_the_tokens_of_a_picture_are_between_the_tags_of_its_result(before: str, after: str):
    text = [[{"type": "text", "text": one}] if one else [] for one in (before, after)]
    picture = "<image_id>0</image_id><image>…</image>"
    row = shown([*text[0], {"type": "image_url", "image_url": {"url": "b.png"}}, *text[1]])
    assert f"<|im_start|>user\n<tool_response>\n{before}{picture}{after}\n</tool_response><|im_end|>" in row
