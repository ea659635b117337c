"""Answers that were cut, were blocked, or came from a request that failed, as each API says it."""

from typing import Any

import pytest

from pipelines.records import Conversation, Quarantined
from tests.making import asked, configuration, conversation, notes, refusals, run, turns

ASKED = {"messages": [{"role": "user", "content": "Q"}]}
ANSWER = {"role": "assistant", "content": "A"}


def openai(reason: str) -> dict[str, Any]:
    return {"request": ASKED, "response": {"choices": [{"index": 0, "message": ANSWER, "finish_reason": reason}]}}


def anthropic(reason: str) -> dict[str, Any]:
    return {"request": ASKED, "response": {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "A"}], "stop_reason": reason}}


def gemini(reason: str) -> dict[str, Any]:
    asked = {"contents": [{"role": "user", "parts": [{"text": "Q"}]}]}
    return {"request": asked, "response": {"candidates": [{"content": {"role": "model", "parts": [{"text": "A"}]}, "finishReason": reason}]}}


def bedrock(reason: str) -> dict[str, Any]:
    return {"request": ASKED, "response": {"output": {"message": {"role": "assistant", "content": [{"text": "A"}]}}, "stopReason": reason}}


def responses(reason: str) -> dict[str, Any]:
    item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A"}]}
    return {"input": "Q", "status": "incomplete", "incomplete_details": {"reason": reason}, "output": [item]}


def turn(reason: str) -> dict[str, Any]:
    return {"messages": [*ASKED["messages"], ANSWER | {"finish_reason": reason}]}


def langchain(reason: str) -> dict[str, Any]:
    return {"messages": [{"type": "human", "content": "Q"}, {"type": "ai", "content": "A", "response_metadata": {"finish_reason": reason, "model_name": "m"}}]}


def generation(reason: str) -> dict[str, Any]:
    made = {"text": "A", "message": ANSWER, "generation_info": {"finish_reason": reason}}
    return {"run_type": "llm", "inputs": ASKED, "outputs": {"generations": [[made]]}}


def choices(reason: str) -> dict[str, Any]:
    return ASKED | {"choices": [{"message": ANSWER, "finish_reason": reason}]}


def span(reason: str) -> dict[str, Any]:
    attributes = {"gen_ai.input.messages": [{"role": "user", "content": "Q"}], "gen_ai.output.messages": [ANSWER], "gen_ai.response.finish_reasons": [reason]}
    return {"name": "chat", "attributes": attributes}


@pytest.mark.parametrize("make", [openai, anthropic, gemini, bedrock, responses, turn, langchain, generation, choices, span], ids=lambda make: make.__name__)
@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "timeout", "network_error"])
def test_a_cut_answer_is_not_trained(make: Any, reason: str):
    made = conversation(make(reason))
    assert [message.loss_weight for message in made.messages] == [None, 0.0]
    assert [code for code, _ in ((finding.code, finding.where) for finding in made.findings)] == ["check.cut_answer", "repair.step_masked"]
    noted = conversation(make(reason), configuration(checks={"cut_answer": "note"}))
    assert ([message.loss_weight for message in noted.messages], [finding.code for finding in noted.findings]) == ([None, None], ["check.cut_answer"])
    assert refusals(make(reason), configuration(checks={"cut_answer": "quarantine"}))[0][0] == "check.cut_answer"


@pytest.mark.parametrize("make", [openai, anthropic, gemini, bedrock, turn, langchain, generation, choices, span], ids=lambda make: make.__name__)
@pytest.mark.parametrize("reason", ["stop", "end_turn", "STOP", "tool_calls", "stop_sequence", "eos", "", "FINISH_REASON_STOP", "COMPLETE"])
def test_an_answer_that_ended_is_trained(make: Any, reason: str):
    made = conversation(make(reason))
    assert ([message.loss_weight for message in made.messages], notes(made)) == ([None, None], [])


@pytest.mark.parametrize("make", [openai, anthropic, gemini, bedrock, responses, turn, langchain, generation, choices, span], ids=lambda make: make.__name__)
@pytest.mark.parametrize("reason", ["content_filter", "SAFETY", "sensitive", "MALFORMED_FUNCTION_CALL", "guardrail_intervened"])
def test_a_blocked_answer_refuses_the_record(make: Any, reason: str):
    found = refusals(make(reason))
    assert {code for code, _ in found} <= {"schema.field_unread", "check.cut_answer", "repair.step_masked"}
    assert found[0][0] == "schema.field_unread"
    ignored = ["finish_reason", "stop_reason", "finishReason", "stopReason", "incomplete_details", "gen_ai.response.finish_reasons"]
    assert conversation(make(reason), configuration(source={"ignore": ignored}))


@pytest.mark.parametrize("make", [gemini, turn, langchain], ids=lambda make: make.__name__)
@pytest.mark.parametrize(("number", "code"), [(0, None), (1, None), (5, None), (2, "check.cut_answer"), (3, "schema.field_unread"), (9, "schema.field_unread")])
def test_googles_numbers_say_why_an_answer_ended(make: Any, number: int, code: str | None):
    first = run(make(number))[0]
    assert {finding.code for finding in first.findings} - {"repair.step_masked"} == ({code} if code else set())
    assert isinstance(first, Quarantined) == (code == "schema.field_unread")


def test_an_answer_that_is_cut_and_blank_does_not_mask_the_last_one():
    messages = [ASKED["messages"][0], {"role": "assistant", "content": "", "finish_reason": "length"}, ASKED["messages"][0], ANSWER]
    assert [message.loss_weight for message in conversation({"messages": messages}).messages] == [None, 0.0, None, None]


def test_only_the_cut_answer_of_a_conversation_is_masked():
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Q"},
        {"role": "assistant", "content": "I look.", "tool_calls": [call], "finish_reason": "length"},
        {"role": "tool", "tool_call_id": "1", "content": "4"},
        ANSWER | {"finish_reason": "stop"},
    ]
    made = conversation({"messages": messages})
    assert [message.loss_weight for message in made.messages] == [None, 0.0, 0.0, None, None]
    assert [where for code, where in notes(made) if code == "repair.step_masked"] == ["messages[1]", "messages[1].tool_calls[0]"]


def test_a_record_whose_only_answer_was_cut_has_nothing_to_train():
    first, row = run(openai("length"), configuration("glm_4"))
    assert isinstance(first, Conversation)
    assert isinstance(row, Quarantined)
    assert [finding.code for finding in row.findings] == ["tokens.no_target", "check.cut_answer", "repair.step_masked"]


def test_the_prompt_s_block_refuses_the_record():
    record = gemini("STOP")
    record["response"]["promptFeedback"] = {"blockReason": "SAFETY"}
    assert refusals(record) == [("schema.field_unread", "response.promptFeedback")]
    record["response"]["promptFeedback"] = {"safetyRatings": []}
    assert conversation(record)


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"error": "Timeout"}, "error"),
        ({"error": {"code": 500}}, "error"),
        ({"status": "failure"}, "status"),
        ({"status_code": 502}, "status_code"),
        ({"statusCode": "503"}, "statusCode"),
    ],
)
def test_a_request_that_failed_refuses_the_record(more: dict[str, Any], place: str):
    for record in (openai("stop"), ASKED | {"response": {"choices": [{"message": ANSWER}]}}, {"request": ASKED, "response": "<html>Bad Gateway</html>"}):
        assert ("schema.field_unread", place) in refusals(record | more)
        assert conversation(record | {"error": None, "status": "success", "status_code": 200})
    inner = {"request": ASKED, "response": {"status_code": 500, "body": {"choices": [{"message": ANSWER}]}}}
    assert refusals(inner) == [("schema.field_unread", "response.status_code")]


def test_an_error_beside_turns_that_no_request_has_is_only_counted():
    assert conversation(asked(error="the agent ran out of steps", status="failed"))


def test_the_raw_stream_of_a_response_is_no_answer():
    stream = 'event: message\ndata: {"choices": [{"delta": {"content": "A"}}]}\n\ndata: [DONE]\n'
    for record in ({"request": ASKED, "response": stream}, ASKED | {"response": stream}, {"prompt": "Q", "completion": stream}):
        assert [code for code, _ in refusals(record)] == ["schema.raw_stream"]
    assert refusals({"messages": [*ASKED["messages"], ANSWER | {"content": stream}]}) == [("schema.raw_stream", "messages[1]")]
    said = "data: 3 rows\nAll is well."
    assert turns(conversation({"prompt": "Q", "completion": said}))[-1] == ("assistant", "", said)
    quoted = f"The stream looks so:\n{stream}"
    assert turns(conversation({"prompt": "Q", "completion": quoted}))[-1] == ("assistant", "", quoted)


def test_a_cut_answer_of_claude_code_is_masked_with_all_its_events():
    def event(number: int, kind: str, message: dict[str, Any]) -> dict[str, Any]:
        parent = str(number - 1) if number else None
        return {"type": kind, "uuid": str(number), "parentUuid": parent, "sessionId": "e", "message": message}

    answer = {"id": "m", "role": "assistant", "model": "c"}
    lines = [
        event(0, "user", {"role": "user", "content": "Q"}),
        event(1, "assistant", answer | {"content": [{"type": "text", "text": "I look"}], "stop_reason": None}),
        event(2, "assistant", answer | {"content": [{"type": "text", "text": " around"}], "stop_reason": "max_tokens"}),
        event(3, "user", {"role": "user", "content": "Go on"}),
        event(4, "assistant", answer | {"id": "n", "content": [{"type": "text", "text": "I see."}], "stop_reason": "end_turn"}),
    ]
    made = conversation({"lines": lines})
    assert [(message.content, message.loss_weight) for message in made.messages if message.role == "assistant"] == [("I look around", 0.0), ("I see.", None)]


CUT_TURNS = [
    ANSWER | {"truncated": True},
    ANSWER | {"metadata": {"finishReason": "length"}},
    ANSWER | {"response_metadata": {"stop_reason": "max_tokens"}},
    ANSWER | {"meta_info": {"finish_reason": {"type": "length", "length": 9}}},
]


@pytest.mark.parametrize("answer", CUT_TURNS)
def test_a_turn_says_in_many_places_that_it_was_cut(answer: dict[str, Any]):
    made = conversation({"messages": [*ASKED["messages"], answer]})
    assert ([message.loss_weight for message in made.messages], "check.cut_answer" in [finding.code for finding in made.findings]) == ([None, 0.0], True)


def test_an_episode_that_was_truncated_is_trained():
    assert [message.loss_weight for message in conversation(asked(truncated=True, terminated=False)).messages] == [None, None]


def test_an_object_a_line_is_a_raw_stream_too():
    stream = '{"message": {"content": "A"}, "done": false}\n{"message": {"content": ""}, "done": true}\n'
    assert [code for code, _ in refusals({"request": ASKED, "response": stream})] == ["schema.raw_stream"]
    said = '{"a": 1}\n{"a": 2}'
    assert turns(conversation({"prompt": "Q", "completion": said}))[-1] == ("assistant", "", said)


def test_the_error_of_an_api_as_json_text_is_no_answer():
    failed = '{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}'
    assert [code for code, _ in refusals({"request": ASKED, "response": failed})] == ["schema.field_unread"]
    said = '{"error": null, "fix": "none"}'
    assert turns(conversation({"request": ASKED, "response": said}))[-1] == ("assistant", "", said)
