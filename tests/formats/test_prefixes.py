"""The beginning of an answer that a request gives, and the rest of it in the response, are one answer."""

import pytest

from tests.making import configuration, conversation, notes, refusals, turns

Q = {"role": "user", "content": "Q"}
BEGUN = {"role": "assistant", "content": '{"a":'}
REST = {"role": "assistant", "content": " 1}"}
ANTHROPIC = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": " 1}"}], "stop_reason": "end_turn"}
GEMINI = {"candidates": [{"content": {"role": "model", "parts": [{"text": " 1}"}]}}]}
CONTENTS = [{"role": "user", "parts": [{"text": "Q"}]}, {"role": "model", "parts": [{"text": '{"a":'}]}]


@pytest.mark.parametrize(
    ("record", "place"),
    [
        ({"request": {"messages": [Q, BEGUN]}, "response": ANTHROPIC}, "request.messages[1]"),
        ({"request": {"messages": [Q, BEGUN | {"content": [{"type": "text", "text": '{"a":'}]}]}, "response": ANTHROPIC}, "request.messages[1]"),
        ({"request": {"messages": [Q, BEGUN]}, "response": {"choices": [{"message": REST}]}}, "request.messages[1]"),
        ({"request": {"contents": CONTENTS}, "response": GEMINI}, "request.contents[1]"),
        ({"contents": CONTENTS, "response": GEMINI}, "contents[1]"),
        ({"messages": [Q, BEGUN | {"prefix": True}, REST]}, "messages[1]"),
        ({"messages": [Q, BEGUN | {"prefix": True}], "response": {"choices": [{"message": REST}]}}, "messages[1]"),
        ({"input": [Q, BEGUN | {"prefix": True}], "output": REST, "type": "GENERATION"}, "input[1]"),
    ],
)
def test_both_halves_are_one_answer(record, place: str):
    made = conversation(record)
    assert turns(made) == [("user", "", "Q"), ("assistant", "", '{"a": 1}')]
    assert [(finding.code, finding.detail) for finding in made.findings] == [("repair.answer_joined", f"the answer begins with the text of '{place}'")]


def test_a_response_that_repeats_the_beginning_is_the_answer():
    whole = [Q, BEGUN, {"role": "user", "content": "Go on"}, REST]
    assert len(conversation({"request": {"messages": whole[:3]}, "response": whole}).messages) == 4


def test_a_beginning_without_a_rest_is_a_cut_answer():
    made = conversation({"messages": [Q, BEGUN | {"prefix": True}]})
    assert [message.loss_weight for message in made.messages] == [None, 0.0]
    assert [(finding.code, finding.where) for finding in made.findings] == [("check.cut_answer", "messages[1].prefix"), ("repair.step_masked", "messages[1]")]
    ignored = conversation({"messages": [Q, BEGUN | {"prefix": True}]}, configuration(source={"ignore": ["prefix"]}))
    assert ([message.loss_weight for message in ignored.messages], notes(ignored)) == ([None, None], [])


def test_two_answers_stay_two_where_nothing_says_that_they_are_one():
    assert len(conversation({"messages": [Q, BEGUN, REST]}).messages) == 3
    assert len(conversation({"input": [Q, BEGUN], "output": REST, "type": "GENERATION"}).messages) == 3  # of an agent's span, it may be an earlier answer
    call = {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}
    asked = {"request": {"messages": [Q, call]}, "response": {"choices": [{"message": REST}]}}
    assert [content for _, _, content in turns(conversation(asked))] == ["Q", "{}", " 1}"]
    thought = {"request": {"messages": [Q, BEGUN]}, "response": {"choices": [{"message": REST | {"reasoning_content": "Hm."}}]}}
    assert [content for _, _, content in turns(conversation(thought))] == ["Q", '{"a":', "<think>Hm.</think> 1}"]


def test_a_prefix_of_another_kind_is_still_refused():
    assert refusals({"messages": [Q | {"prefix": "Say: "}, REST]}) == [("schema.field_unread", "messages[0].prefix")]
