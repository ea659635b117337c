"""Reasoning is kept once, before the text of its turn, or left out completely."""

import pytest

from tests.making import configuration, conversation, notes, refusals, turns

QUESTION = {"role": "user", "content": "Q"}
CALL = [{"id": "a", "function": {"name": "w", "arguments": "{}"}}]
RESULT = {"role": "tool", "tool_call_id": "a", "content": "x"}
DROP = configuration(normalize={"reasoning": "drop"})

ON_CALLS = [
    {"role": "assistant", "tool_calls": CALL},
    {"role": "assistant", "content": None, "tool_calls": CALL},
    {"role": "assistant", "content": "", "tool_calls": CALL},
    {"role": "function_call", "content": '{"name": "w", "arguments": {}}'},
    {"role": "assistant", "metadata": "w", "content": "{}"},
]


@pytest.mark.parametrize("turn", ON_CALLS)
def test_reasoning_on_a_call_is_kept_before_it(turn):
    record = {"messages": [QUESTION, turn | {"reasoning_content": "R1"}, {"role": "tool", "content": "x"}]}
    assert turns(conversation(record))[1:3] == [("assistant", "", "<think>R1</think>"), ("assistant", "w", "{}")]
    dropped = conversation(record, DROP)
    assert turns(dropped)[1] == ("assistant", "w", "{}")
    assert notes(dropped) == [("repair.reasoning_dropped", "messages[1]")]


@pytest.mark.parametrize(
    "more",
    [
        {"content": "ans", "reasoning_content": "R1"},
        {"content": "ans", "reasoning": "R1"},
        {"content": "ans", "reasoning_details": [{"type": "reasoning.text", "text": "R1"}]},
        {"content": "ans", "reasoning": "R1", "reasoning_details": [{"type": "reasoning.text", "text": "R1"}]},
        {"content": "ans", "thinking": "R1"},
        {"content": "ans", "thought": "R1"},
        {"content": "<think>R1</think>ans", "reasoning_content": "R1"},
        {"content": [{"type": "reasoning", "text": "R1"}, {"type": "text", "text": "ans"}], "reasoning": "R1"},
        {"content": "ans", "reasoning": {"summary": [{"type": "summary_text", "text": "R1"}]}},
        {"content": "ans", "reasoning_details": [{"content": [{"type": "reasoning_text", "text": "R1"}]}]},
        {"content": "<think>R1</think>ans"},
        {"content": [{"type": "thinking", "thinking": "R1"}, {"type": "text", "text": "ans"}]},
    ],
)
def test_reasoning_under_several_keys_is_kept_once_or_dropped_completely(more):
    record = {"messages": [QUESTION, {"role": "assistant", **more}]}
    assert turns(conversation(record))[1] == ("assistant", "", "<think>R1</think>ans")
    dropped = conversation(record, DROP)
    assert (turns(dropped)[1], [code for code, _ in notes(dropped)]) == (("assistant", "", "ans"), ["repair.reasoning_dropped"])


@pytest.mark.parametrize(
    ("content", "left"),
    [
        ("<think>\nR1\n</think>\n\nans", "ans"),
        ("R1\n</think>\n\nans", "ans"),
        ("a<think>R1</think>b<think>R2</think>c", "abc"),
        ("<think>cut", ""),
        ("<think>a<think>b</think>c</think>ans", "ans"),
        ("<thinking>R1</thinking>\nans", "ans"),
        ("[THINK]R1[/THINK]ans", "ans"),
        # A text that speaks of a tag keeps it.
        ("The <think> tag opens it.", "The <think> tag opens it."),
        ("Close it with </think>. Good.", "Close it with </think>. Good."),
        ("`<think>` and `</think>` are tags", "`<think>` and `</think>` are tags"),
        ("an answer", "an answer"),
    ],
)
def test_dropping_reasoning_removes_every_block_from_the_text(content: str, left: str):
    answers = [{"role": "assistant", "content": content}, {"role": "assistant", "content": "last"}]
    if left:
        assert turns(conversation({"messages": [QUESTION, *answers]}, DROP))[1][2] == left
    else:
        assert refusals({"messages": [QUESTION, *answers]}, DROP)[0][0] == "schema.content_missing"


def test_an_answer_of_only_reasoning_is_blank_if_reasoning_is_dropped():
    assert refusals({"messages": [QUESTION, {"role": "assistant", "content": "<think>R1</think>"}]}, DROP)[0][0] == "schema.no_target"


def test_reasoning_on_a_question_is_a_finding_and_not_text():
    record = {"messages": [QUESTION | {"reasoning_content": "R1"}, {"role": "assistant", "content": "A"}]}
    assert refusals(record) == [("schema.field_unread", "messages[0].reasoning_content")]
    kept = conversation(record, configuration(normalize={"field_unread": "warn"}))
    assert turns(kept)[0] == ("user", "", "Q")


def test_reasoning_logged_whole_and_in_pieces_is_kept_once():
    details = [{"type": "reasoning.text", "text": "S1"}, {"type": "reasoning.text", "text": "S2"}]
    turn = {"role": "assistant", "content": "ans", "reasoning": "S1\n\nS2", "reasoning_details": details}
    assert turns(conversation({"messages": [QUESTION, turn]}))[1][2] == "<think>S1\n\nS2</think>ans"


def test_reasoning_whose_tag_the_template_opened_is_not_repeated():
    turn = {"role": "assistant", "content": "R1</think>\n\nans", "reasoning_content": "R1"}
    assert turns(conversation({"messages": [QUESTION, turn]}))[1][2] == "R1</think>\n\nans"


@pytest.mark.parametrize(("reasoning", "text", "place"), [("keep", "<think>R</think>abY", 18), ("drop", "abY", 2)])
def test_an_image_in_an_answer_keeps_its_place_in_the_text(reasoning: str, text: str, place: int):
    parts = [{"type": "text", "text": "ab"}, {"type": "image", "image": "a.png"}, {"type": "text", "text": "Y"}]
    record = {"messages": [QUESTION, {"role": "assistant", "reasoning_content": "R", "content": parts}]}
    message = conversation(record, configuration(normalize={"reasoning": reasoning}), {"a.png": (9, 9)}).messages[1]
    assert (message.content, message.image_at) == (text, (place,))


@pytest.mark.parametrize(("setting", "content"), [("keep", "<think>Hm.</think>A"), ("drop", "A")])
def test_reasoning_is_put_before_the_text_of_its_turn_or_dropped(setting: str, content: str):
    record = {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "reasoning_content": "Hm.", "content": "A"}]}
    assert conversation(record, configuration(normalize={"reasoning": setting})).messages[1].content.replace("\n", "") == content


def test_reasoning_with_the_tags_between_two_thoughts_is_refused():
    turn = {"role": "assistant", "content": "A", "reasoning_content": "Hm. </think><think>"}
    assert refusals({"messages": [QUESTION, turn]}) == [("schema.reasoning_tags", "messages[1]")]
    assert turns(conversation({"messages": [QUESTION, turn | {"reasoning_content": "Hm. </think>"}]}))[1] == ("assistant", "", "<think>Hm. </think></think>A")
