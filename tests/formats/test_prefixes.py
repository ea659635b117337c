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
        ({"request": {"messages": [Q, BEGUN]}, "response": {"output": {"message": REST}}}, "request.messages[1]"),
        ({"request": {"messages": [Q, BEGUN | {"prefix": True}]}, "response": {"choices": [{"message": REST}]}}, "request.messages[1]"),
        ({"request": {"contents": CONTENTS}, "response": GEMINI}, "request.contents[1]"),
        ({"contents": CONTENTS, "response": GEMINI}, "contents[1]"),
        ({"messages": [Q, BEGUN | {"prefix": True}, REST]}, "messages[1]"),
        ({"messages": [Q, BEGUN | {"prefix": True}], "response": {"choices": [{"message": REST}]}}, "messages[1]"),
        ({"input": [Q, BEGUN | {"prefix": True}], "output": REST, "type": "GENERATION"}, "input[1]"),
        ({"conversation": [Q, BEGUN | {"prefix": True}, REST]}, "conversation[1]"),
    ],
)
def test_both_halves_are_one_answer(record, place: str):
    made = conversation(record)
    assert turns(made) == [("user", "", "Q"), ("assistant", "", '{"a": 1}')]
    assert [(finding.code, finding.detail) for finding in made.findings] == [("repair.answer_joined", f"the answer begins with the text of '{place}'")]


WHOLE = {"role": "assistant", "content": '{"a": 1}'}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [Q, BEGUN | {"prefix": True}], "response": {"choices": [{"message": WHOLE}]}},  # Mistral
        {"messages": [Q, BEGUN | {"prefix": True}, WHOLE]},
        {"request": {"messages": [Q, BEGUN | {"prefix": True}]}, "response": {"choices": [{"message": WHOLE}]}},
        {"request": {"messages": [Q, WHOLE]}, "response": {"choices": [{"message": WHOLE}]}},  # a list that the program went on to use
        {"request": {"messages": [Q, WHOLE]}, "response": ANTHROPIC | {"content": [{"type": "text", "text": '{"a": 1}'}]}},
        {"contents": [CONTENTS[0], {"role": "model", "parts": [{"text": '{"a": 1}'}]}], "candidates": [{"content": {"parts": [{"text": '{"a": 1}'}]}}]},
        {"input": [Q, WHOLE], "output": WHOLE, "type": "GENERATION"},
    ],
)
def test_an_answer_that_has_the_beginning_already_is_whole(record):
    made = conversation(record)
    assert turns(made) == [("user", "", "Q"), ("assistant", "", '{"a": 1}')]
    assert [finding.code for finding in made.findings] == ["repair.answer_joined"]


@pytest.mark.parametrize(("rest", "whole"), [("[1, 2], [3]]", "[[1, 2], [3]]"), ("[1, 2]", "[1, 2]"), ("[[1], [2]]", "[[1], [2]]")])
def test_a_list_in_a_list_goes_on_with_the_sign_that_it_begins_with(rest: str, whole: str):
    response = ANTHROPIC | {"content": [{"type": "text", "text": rest}]}
    made = conversation({"request": {"messages": [Q, BEGUN | {"content": "["}]}, "response": response})
    assert [content for _, _, content in turns(made)] == ["Q", whole]


def test_a_call_that_the_request_has_already_is_read_once():
    made = conversation({"request": {"messages": [Q, CALL]}, "response": {"choices": [{"message": CALL}]}})
    assert turns(made) == [("user", "", "Q"), ("assistant", "f", "{}")]


def test_the_turn_of_another_agent_is_never_joined():
    for response in ({"choices": [{"message": REST}]}, ANTHROPIC):
        made = conversation({"request": {"messages": [Q, BEGUN | {"name": "planner"}]}, "response": response})
        assert [content for _, _, content in turns(made)] == ["Q", '{"a":', " 1}"]


@pytest.mark.parametrize(
    "more", [{"images": ["a.png"]}, {"video": "a.mp4"}, {"weight": 0}, {"name": "planner"}, {"reasoning_content": "Hm."}, {"metadata": "f"}]
)
def test_a_beginning_with_more_than_text_refuses_the_record(more):
    assert ("schema.field_unread", "messages[1].prefix") in refusals({"messages": [Q, BEGUN | {"prefix": True} | more, REST]})


def test_many_beginnings_refuse_the_record_in_linear_time():
    begun = BEGUN | {"prefix": True}
    assert set(refusals({"messages": [Q, *[begun] * 5000, REST]})) >= {("schema.field_unread", "messages[1].prefix")}


def test_why_the_beginning_ended_is_said_of_the_whole_answer():
    made = conversation({"messages": [Q, BEGUN | {"prefix": True, "finish_reason": "length"}, REST, Q, WHOLE]})
    assert [message.loss_weight for message in made.messages] == [None, 0.0, None, None]


def test_a_beginning_before_a_question_is_a_cut_answer():
    for record in ({"messages": [Q, BEGUN | {"prefix": True}, Q, WHOLE]}, {"conversation": [Q, BEGUN | {"prefix": True}, Q, WHOLE]}):
        assert [message.loss_weight for message in conversation(record).messages] == [None, 0.0, None, None]


def test_a_mapping_has_beginnings_as_well():
    made = configuration(source={"format": "fields", "fields": {"turns": "talk"}})
    assert turns(conversation({"talk": [Q, BEGUN | {"prefix": True}, REST]}, made)) == [("user", "", "Q"), ("assistant", "", '{"a": 1}')]
    assert [message.loss_weight for message in conversation({"talk": [Q, BEGUN | {"prefix": True}]}, made).messages] == [None, 0.0]


def test_a_response_that_repeats_the_turns_is_the_conversation():
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
    asked = {"request": {"messages": [Q, BEGUN]}, "response": {"choices": [{"message": REST}]}}
    assert len(conversation(asked).messages) == 3  # OpenAI's API does not continue an answer
    call = {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}
    asked = {"request": {"messages": [Q, call]}, "response": {"choices": [{"message": REST}]}}
    assert [content for _, _, content in turns(conversation(asked))] == ["Q", "{}", " 1}"]
    thought = {"request": {"messages": [Q, BEGUN]}, "response": {"choices": [{"message": REST | {"reasoning_content": "Hm."}}]}}
    assert [content for _, _, content in turns(conversation(thought))] == ["Q", '{"a":', "<think>Hm.</think> 1}"]


def test_a_prefix_of_another_kind_is_still_refused():
    assert refusals({"messages": [Q | {"prefix": "Say: "}, REST]}) == [("schema.field_unread", "messages[0].prefix")]
