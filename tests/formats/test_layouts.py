"""Records whose turns stand elsewhere than in a list of messages."""

import json
from typing import Any

import pytest

from pipelines.config.formats import CHAT_FORMATS, LIBRARY_FORMATS, OTHER_FORMATS, SESSION_FORMATS
from pipelines.formats.examples import EXAMPLES
from pipelines.formats.table import FORMATS
from tests.making import configuration, conversation, notes, refusals, turns

Q, A = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}
QA = [("user", "", "Q"), ("assistant", "", "A")]
SQA = [("system", "", "S"), *QA]
CALL = {"name": "f", "arguments": '{"x": 1}'}
CALLED = [("user", "", "Q"), ("assistant", "f", '{"x": 1}')]
TOOL_CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": CALL}]}
FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}}}

SHAPES: list[tuple[str, dict[str, Any], list[tuple[str, str, str]]]] = [
    # Requests and responses
    ("request", {"request": {"messages": [Q]}, "response": {"choices": [{"message": A}]}}, QA),
    ("request", {"request": {"messages": [Q]}, "response": {"role": "assistant", "content": [{"type": "text", "text": "A"}], "stop_reason": "x"}}, QA),
    ("request", {"request": {"messages": [Q], "system": "S"}, "response": "A"}, SQA),
    ("request", {"request": json.dumps({"messages": [Q]}), "response": json.dumps({"choices": [{"message": A}]})}, QA),
    ("request", {"request": {"body": {"messages": [Q]}}, "response": {"body": {"choices": [{"message": A}]}}}, QA),
    ("request", {"request": {"input": "Q"}, "response": {"output": [{"type": "message", "content": [{"type": "output_text", "text": "A"}]}]}}, QA),
    (
        "request",
        {
            "request": {"contents": [{"role": "user", "parts": [{"text": "Q"}]}], "systemInstruction": {"parts": [{"text": "S"}]}},
            "response": {"candidates": [{"content": {"role": "model", "parts": [{"text": "A"}]}, "finishReason": "STOP"}]},
        },
        SQA,
    ),
    ("request", {"request": {"messages": [{"role": "user", "content": [{"text": "Q"}]}]}, "response": {"output": {"message": A}, "stopReason": "x"}}, QA),
    ("openai", {"messages": [Q], "choices": [{"index": 0, "message": A, "finish_reason": "stop"}], "model": "m"}, QA),
    ("openai", {"messages": [Q], "response": A}, QA),
    ("openai", {"messages": [Q], "response": "A"}, QA),
    ("openai", {"messages": [Q], "response": {"choices": [{"message": A}]}}, QA),
    ("openai", {"messages": [Q], "output": {"content": [{"type": "text", "text": "A"}], "role": "assistant"}}, QA),
    ("openai", {"messages": [Q], "completion": "A"}, QA),
    ("openai", {"messages": [Q], "answer": "A"}, QA),
    ("openai", {"messages": [[Q, A]]}, QA),
    ("request", {"request_body": {"messages": [Q]}, "response_body": {"choices": [{"message": A}]}}, QA),
    ("request", {"info": {}, "data": {"request": json.dumps({"messages": [Q]}), "response": json.dumps({"choices": [{"message": A}]})}}, QA),
    ("request", {"custom_id": "1", "body": {"messages": [Q]}, "response": {"status_code": 200, "body": {"choices": [{"message": A}]}}}, QA),
    ("openai", {"model": "m", "messages": [Q], "message": A, "done": True}, QA),
    ("openai", {"messages": [{"author": "user", "content": "Q"}, {"author": "bot", "content": "A"}]}, QA),
    (
        "openai",
        {
            "messages": [
                {"type": "human", "data": {"content": "Q"}},
                {"type": "ai", "data": {"content": "", "additional_kwargs": {"function_call": {"name": "f", "arguments": '{"x": 1}'}}}},
            ]
        },
        CALLED,
    ),
    # Prompts and completions
    ("alpaca", {"instruction": "Q", "input": "", "output": "A"}, QA),
    ("alpaca", {"instruction": "Q", "input": "more", "output": "A", "system": "S"}, [("system", "", "S"), ("user", "", "Q\nmore"), ("assistant", "", "A")]),
    ("alpaca", {"instruction": "Q2", "output": "A2", "history": [["Q", "A"]]}, [*QA, ("user", "", "Q2"), ("assistant", "", "A2")]),
    ("prompt_completion", {"prompt": "Q", "completion": "A"}, QA),
    ("prompt_completion", {"prompt": [Q], "completion": [A]}, QA),
    ("prompt_completion", {"prompt": [Q], "completion": [A], "tools": [FUNCTION]}, QA),
    ("prompt_completion", {"query": "Q2", "response": "A2", "history": [["Q", "A"]]}, [*QA, ("user", "", "Q2"), ("assistant", "", "A2")]),
    ("prompt_completion", {"question": "Q", "answer": "A"}, QA),
    ("prompt_completion", {"query": "Q", "answers": json.dumps([{"name": "f", "arguments": {"x": 1}}]), "tools": json.dumps([FUNCTION])}, CALLED),
    ("prompt_completion", {"query": "Q", "answers": [{"name": "f", "arguments": {"x": 1}}]}, CALLED),
    ("prompt_completion", {"question": "Q", "reasoning": "Hm.", "answer": "A"}, [QA[0], ("assistant", "", "<think>Hm.</think>A")]),
    # Preferences
    ("openai", {"prompt": "Q", "messages": [Q, A], "chosen": [Q, A], "rejected": [Q, A | {"content": "B"}]}, QA),
    ("preference", {"prompt": "Q", "chosen": "A", "rejected": "B"}, QA),
    ("preference", {"prompt": [Q], "chosen": [A], "rejected": [A | {"content": "B"}]}, QA),
    ("preference", {"prompt": "Q", "chosen": [Q, A], "rejected": [Q, A | {"content": "B"}]}, QA),
    ("preference", {"instruction": "Q", "chosen": "A", "rejected": "B"}, QA),
    ("preference_turns", {"chosen": [Q, A], "rejected": [Q, A | {"content": "B"}]}, QA),
    ("preference_turns", {"chosen_messages": [Q, A], "rejected_messages": [Q, A | {"content": "B"}]}, QA),
    ("hh_preference", {"chosen": "\n\nHuman: Q\n\nAssistant: A", "rejected": "\n\nHuman: Q\n\nAssistant: B"}, QA),
    ("openai_preference", {"input": {"messages": [Q]}, "preferred_output": [A], "non_preferred_output": [A | {"content": "B"}]}, QA),
    ("sharegpt", {"conversations": [{"from": "human", "value": "Q"}], "chosen": {"from": "gpt", "value": "A"}, "rejected": {"from": "gpt", "value": "B"}}, QA),
    ("openai", {"messages": [Q, A], "rejected_response": "B"}, QA),
    # Turns under other keys
    *(("trajectory", {key: [Q, A]}, QA) for key in ("conversation", "trajectory", "traj", "history", "dialog", "turns", "chat_history", "chat")),
    ("trajectory", {"conversation": json.dumps([Q, A])}, QA),
    ("trajectory", {"trajectory": [{"role": "ai", "text": "A", "system_prompt": None, "mask": True}], "target": True}, QA[1:]),
    ("trajectory", {"history": [Q], "output": "A"}, QA),
    ("gemini", {"contents": [{"role": "user", "parts": [{"text": "Q"}]}, {"role": "model", "parts": [{"text": "A"}]}]}, QA),
    ("gemini", {"contents": [{"parts": [{"text": "Q"}]}], "candidates": [{"content": {"role": "model", "parts": [{"text": "A"}]}}]}, QA),
    ("responses", {"instructions": "S", "input": [Q], "output": [{"type": "message", "role": "assistant", "content": "A"}]}, SQA),
    ("responses", {"input": "Q", "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A"}]}]}, QA),
    ("responses", {"input": [Q, {"type": "function_call", "call_id": "1"} | CALL]}, CALLED),
    ("trajectory", {"conversation": [{"human": "Q", "assistant": "A"}]}, QA),
    ("trajectory", {"conversation": [{"input": "Q", "output": "A", "reasoning_effort": None}]}, QA),
    ("openai", {"messages": [{"question": "Q", "answer": "A"}]}, QA),
    ("trajectory", {"trajectory": [{"action": "x"}], "history": [Q, A]}, QA),  # the first list whose turns say who speaks
    ("alpaca", {"instruction": "Q", "context": "more", "response": "A"}, [("user", "", "Q\nmore"), ("assistant", "", "A")]),
    ("trajectory", {"values": {"messages": [{"type": "human", "content": "Q"}, {"type": "ai", "content": "A"}]}, "next": []}, QA),
    ("trajectory", {"images": [], "texts": [{"user": "Q", "assistant": "A", "source": "x"}]}, QA),
    (
        "trajectory",
        {"chat_messages": [{"sender": "human", "text": "Q", "content": [{"type": "text", "text": "Q"}]}, {"sender": "assistant", "text": "A"}]},
        QA,
    ),
    # Traces
    ("langfuse", {"input": {"inputBodyJson": {"messages": [Q], "system": "S"}}, "output": {"outputBodyJson": A}}, SQA),
    ("langsmith", {"inputs": {"model": "m", "messages": [Q]}, "output": {"choices": [{"message": A}]}}, QA),
    ("langfuse", {"id": "1", "input": [Q], "output": A}, QA),
    ("langfuse", {"id": "1", "input": {"messages": [Q], "tools": [FUNCTION]}, "output": TOOL_CALL}, CALLED),
    ("langfuse", {"id": "1", "input": json.dumps([Q]), "output": json.dumps(A)}, QA),
    ("langfuse", {"id": "1", "input": "Q", "output": "A"}, QA),
    ("langsmith", {"inputs": {"messages": [Q]}, "outputs": {"messages": [Q, A]}}, QA),
    ("langsmith", {"inputs": {"messages": [Q]}, "outputs": {"choices": [{"message": A}]}}, QA),
    ("langsmith", {"inputs": {"question": "Q"}, "outputs": {"answer": "A"}}, QA),
    ("langsmith", {"inputs": {"input": "Q"}, "outputs": {"output": "A"}}, QA),
    ("langsmith", {"inputs": {"messages": [{"type": "human", "content": "Q"}]}, "outputs": {"message": {"type": "ai", "content": "A"}}}, QA),
]


@pytest.mark.parametrize(("name", "record", "wanted"), SHAPES, ids=[f"{name}-{i}" for i, (name, *_) in enumerate(SHAPES)])
def test_each_shape_is_read_by_its_own_format(name: str, record: dict[str, Any], wanted: list[tuple[str, str, str]]):
    made = conversation(record)
    assert (made.format, turns(made)) == (name, wanted)


@pytest.mark.parametrize(("name", "record", "wanted"), SHAPES, ids=[f"{name}-{i}" for i, (name, *_) in enumerate(SHAPES)])
def test_columns_of_nulls_change_nothing(name: str, record: dict[str, Any], wanted: list[tuple[str, str, str]]):
    columns = dict.fromkeys(("messages", "conversations", "chosen", "rejected", "request", "instruction", "inputs", "output", "steps"))
    assert turns(conversation({**columns, **record})) == wanted


def test_the_names_in_the_settings_are_those_of_the_table():
    assert (*SESSION_FORMATS, *LIBRARY_FORMATS, *CHAT_FORMATS, *OTHER_FORMATS) == tuple(FORMATS) == tuple(EXAMPLES)


def test_a_question_may_be_a_transcript():
    record = {"prompt": "\n\nHuman: Q\n\nAssistant: A\n\nHuman: Q2\n\nAssistant:", "completion": "A2"}
    assert turns(conversation(record)) == [*QA, ("user", "", "Q2"), ("assistant", "", "A2")]


@pytest.mark.parametrize(
    "record",
    [
        {"question": "Q", "context": "C", "answer": "A"},
        {"prompt": "P", "question": "Q", "response": "A"},
        {"question": "Q", "answer": "A", "solution": "B"},
        {"trajectory": [Q, A], "question": "another"},
        {"chat_history": [Q, A], "message": "Q2", "text": "A2"},
        {"input": [Q, {"type": "message", "role": "assistant", "content": "A"}], "previous_response_id": "r1"},
        {"inputs": {"question": "Q", "context": "C"}, "outputs": {"answer": "A"}},
        {"messages": [Q, A | {"toolInvocations": [{"state": "result"}]}]},
    ],
)
def test_what_may_be_a_part_of_the_conversation_refuses_the_record(record: dict[str, Any]):
    assert "schema.field_unread" in [code for code, _ in refusals(record)]


def test_a_value_that_is_no_turn_is_reported_at_its_own_place():
    assert refusals({"question": "Q", "answer": 42})[0] == ("schema.turn_not_object", "answer")
    assert refusals({"prompt": "Q", "chosen": ["A"], "rejected": ["B"]})[0] == ("schema.turn_not_object", "chosen[0]")


def test_the_system_text_of_a_transcript_needs_no_name():
    assert turns(conversation({"system": "S", "chat": "USER: Q\n\n\nASSISTANT: A <|endoftext|>"})) == SQA
    assert turns(conversation({"system": "SYSTEM: S", "chat": "USER: Q\n\n\nASSISTANT: A <|endoftext|>"})) == SQA


def test_a_huge_number_may_be_an_id():
    assert conversation({"messages": [Q, A], "session_id": 10**400}).episode_id == str(10**400)


def test_a_question_that_stands_among_the_turns_too_is_no_loss():
    assert notes(conversation({"trajectory": [Q, A], "question": "Q"})) == []


@pytest.mark.parametrize("name", [*LIBRARY_FORMATS, *OTHER_FORMATS])
def test_the_example_of_a_format_matches_no_format_before_it(name: str):
    record = json.loads(EXAMPLES[name])
    assert [other for other, made in FORMATS.items() if made.matches(record)][:1] in ([name], [])  # [] where its columns are opened first
    assert conversation(record).format == conversation(record, configuration(source={"format": name})).format == name


@pytest.mark.parametrize("name", [*LIBRARY_FORMATS, *OTHER_FORMATS])
def test_a_record_of_another_shape_is_refused_by_a_named_format(name: str):
    assert refusals({"note": "x"}, configuration(source={"format": name}))[0][0] == "schema.unknown_format"


@pytest.mark.parametrize(
    "record",
    [
        {"request": {"messages": [Q], "actions": [1]}, "response": {"choices": [{"message": A}]}},
        {"request": {"messages": [Q]}, "response": {"choices": [{"message": A, "loss": 0}]}},
        {"request": {"messages": [Q]}, "response": {"choices": [{"message": A}, {"message": A | {"content": "B"}}]}},
        {"messages": [Q], "choices": [{"message": A}, {"message": A | {"content": "B"}}]},
        {"messages": [Q], "response": "A", "output": "B"},
        {"messages": [Q, A], "response": "B"},
        {"messages": [Q, A], "chosen": "C", "rejected": "B"},
        {"messages": [Q, A], "rejected": "B"},
        {"prompt": "Q", "completion": "A", "rejected": "B"},
        {"prompt": "Q", "completion": "A", "response": "B"},
        {"input": [Q], "output": A, "images": None, "thought": "x"},
        {"inputs": {"messages": [Q], "image_path": 7}, "outputs": {"output": "A"}, "actions": [1]},
        {"attributes": {"gen_ai.input.messages": json.dumps([Q]), "gen_ai.output.messages": json.dumps([A]), "gen_ai.prompt": "x", "actions": [1]}},
    ],
)
def test_nothing_beside_the_turns_is_lost(record: dict[str, Any]):
    assert "schema.field_unread" in [code for code, _ in refusals(record)]


@pytest.mark.parametrize(
    "record",
    [
        {"chosen": "A", "rejected": "B"},  # no question
        {"question": [[Q]], "function": [FUNCTION]},  # no answer
        {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
        {"task": "Q", "image": "a.png", "box": {}},
        {"steps": 3},
        {"trajectory": [{"url": "x", "axtree": "y"}]},
        {"prompt": None, "completion": "A"},
        {"input": {"query": "x"}, "output": "A"},
        {"inputs": {}, "outputs": {}},
        {"contents": "Q"},
        {"chat": "Hi there"},
        {"query": "Q", "answers": "[]", "tools": "[]"},  # no call
        {"query": "Q", "answers": []},
    ],
)
def test_records_without_a_conversation_are_refused(record: dict[str, Any]):
    assert refusals(record)


@pytest.mark.parametrize(
    ("record", "extra"),
    [
        ({"prompt": "Q", "chosen": "A", "rejected": "B"}, {"rejected": "B"}),
        ({"messages": [Q, A], "rejected_messages": [Q, A]}, {"rejected": [Q, A]}),
    ],
)
def test_the_rejected_side_of_a_preference_is_kept_aside_with_a_note(record: dict[str, Any], extra: dict[str, Any]):
    made = conversation(record)
    assert json.loads(made.extra or "") == extra
    assert [code for code, _ in notes(made)] == ["record.rejected_kept"]
    assert conversation({"messages": [Q, A]}).extra is None


def pairs(attributes: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]


def span(**attributes: str) -> dict[str, Any]:
    return {"name": "chat", "attributes": pairs({key.replace("__", "."): value for key, value in attributes.items()})}


FIRST = span(gen_ai__input__messages=json.dumps([Q]), gen_ai__output__messages=json.dumps([A]))
SECOND = span(gen_ai__input__messages=json.dumps([Q, A, Q | {"content": "Q2"}]), gen_ai__output__messages=json.dumps([A | {"content": "A2"}]))


def otlp(*spans: dict[str, Any]) -> dict[str, Any]:
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"scope": {"name": "x"}, "spans": list(spans)}]}]}


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        (FIRST, QA),
        (otlp(FIRST), QA),
        (otlp(span(http__method="GET"), FIRST), QA),
        (otlp(FIRST, SECOND), [*QA, ("user", "", "Q2"), ("assistant", "", "A2")]),
        (
            {
                "attributes": {
                    "gen_ai.prompt.0.role": "user",
                    "gen_ai.prompt.0.content": "Q",
                    "gen_ai.completion.0.role": "assistant",
                    "gen_ai.completion.0.content": "A",
                }
            },
            QA,
        ),
        (
            {
                "attributes": {
                    "llm.input_messages.0.message.role": "user",
                    "llm.input_messages.0.message.content": "Q",
                    "llm.output_messages.0.message.role": "assistant",
                    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
                    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"x": 1}',
                    "input.value": "{}",
                }
            },
            CALLED,
        ),
        (
            {
                "attributes.llm.input_messages": [{"message.role": "user", "message.content": "Q"}],
                "attributes.llm.output_messages": [{"message.role": "assistant", "message.content": "A"}],
            },
            QA,
        ),
        (
            {"attributes": {"llm": {"input_messages": [{"message": Q}], "output_messages": [{"message": A}]}}},
            QA,
        ),
    ],
)
def test_spans_of_traces_are_read(record: dict[str, Any], wanted: list[tuple[str, str, str]]):
    assert turns(conversation(record)) == wanted


def test_spans_that_do_not_continue_each_other_are_refused():
    other = span(gen_ai__input__messages=json.dumps([Q | {"content": "other"}]), gen_ai__output__messages=json.dumps([A]))
    assert refusals(otlp(FIRST, other, SECOND))[0][0] == "schema.unknown_format"
