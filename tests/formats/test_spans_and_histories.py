"""Spans of traces that are no chats, several answers to one question, earlier turns beside the question, and records without a question."""

import json
from typing import Any

import pytest

from pipelines.formats.transcripts import prompt_of
from tests.making import configuration, conversation, refusals, run, turns

Q, A = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}
EARLIER = [("user", "", "E"), ("assistant", "", "F")]
SPAN = {"gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Q"}]}])}


def part(text: str) -> dict[str, Any]:
    return {"role": "assistant", "parts": [{"type": "text", "content": text}]}


@pytest.mark.parametrize(
    ("record", "place"),
    [
        *(
            ({"run_type": kind, "inputs": {"input": "x"}, "outputs": {"output": "y"}}, "run_type")
            for kind in ("tool", "retriever", "parser", "embedding", "prompt")
        ),
        *(({"type": kind, "input": "x", "output": "y"}, "type") for kind in ("TOOL", "RETRIEVER", "EVENT", "EMBEDDING", "GUARDRAIL", "EVALUATOR")),
        ({"span_type": "RERANKER", "inputs": {"query": "x"}, "outputs": {"output": "y"}}, "span_type"),
        ({"name": "f", "attributes": {"openinference.span.kind": "TOOL", "input.value": "x", "output.value": "y"}}, "attributes.openinference.span.kind"),
        ({"name": "execute_tool f", "attributes": {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f"}}, "attributes.gen_ai.operation.name"),
    ],
)
def test_a_span_that_is_no_chat_is_refused_by_the_name_of_its_kind(record: dict[str, Any], place: str):
    assert refusals(record) == [("schema.unknown_format", place)]


@pytest.mark.parametrize(
    ("more", "place"),
    [({"level": "ERROR"}, "level"), ({"statusMessage": "timeout"}, "statusMessage"), ({"error": "timeout"}, "error"), ({"status": "error"}, "status")],
)
def test_a_span_that_failed_is_refused(more: dict[str, Any], place: str):
    span = {"type": "GENERATION", "input": "Q", "output": "A"}
    assert refusals(span | more) == [("schema.field_unread", place)]
    assert turns(conversation(span | {"level": "DEFAULT", "status": "success", "statusMessage": None, "error": ""})) == [
        ("user", "", "Q"),
        ("assistant", "", "A"),
    ]


@pytest.mark.parametrize("kind", ["GENERATION", "SPAN", "AGENT", "CHAIN"])
def test_other_spans_are_chats(kind: str):
    assert turns(conversation({"type": kind, "input": "Q", "output": "A"})) == [("user", "", "Q"), ("assistant", "", "A")]


@pytest.mark.parametrize(
    ("record", "place"),
    [
        ({"attributes": SPAN | {"gen_ai.output.messages": json.dumps([part("A"), part("B")])}}, "attributes.gen_ai.output.messages[1]"),
        (
            {"attributes": {f"gen_ai.{key}": text for key, text in (("prompt.0.role", "user"), ("prompt.0.content", "Q"))}
             | {f"gen_ai.completion.{i}.{key}": text for i in range(2) for key, text in (("role", "assistant"), ("content", f"A{i}"))}},
            "attributes.gen_ai.completion[1]",
        ),
        (
            {"attributes": {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "Q"}
             | {f"llm.output_messages.{i}.message.{key}": text for i in range(2) for key, text in (("role", "assistant"), ("content", f"A{i}"))}},
            "attributes.llm.output_messages[1]",
        ),
        (
            {"name": "chat", "events": [{"name": "gen_ai.user.message", "attributes": {"content": "Q"}}]
             + [{"name": "gen_ai.choice", "attributes": {"index": i, "message": json.dumps(A)}} for i in range(2)]},
            "events[2]",
        ),
        ({"messages": [Q], "response": [A, A | {"content": "B"}]}, "response[1]"),
        ({"prompt": [Q], "completion": [A, A | {"content": "B"}]}, "completion[1]"),
        ({"type": "GENERATION", "input": [Q], "output": [A, A | {"content": "B"}]}, "output[1]"),
    ],
)  # fmt: skip
def test_several_answers_to_one_question_are_refused(record: dict[str, Any], place: str):
    assert refusals(record) == [("schema.field_unread", place)]


def test_an_answer_of_several_turns_is_read():
    call, result = (
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "4"},
    )
    wanted = [("user", "", "Q"), ("assistant", "f", "{}"), ("observation", "", "4"), ("assistant", "", "A")]
    assert turns(conversation({"prompt": [Q], "completion": [call, result, A]})) == wanted
    items = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]} for text in ("A", "B")]
    assert turns(conversation({"input": "Q", "output": items})) == [("user", "", "Q"), ("assistant", "", "A"), ("assistant", "", "B")]


HISTORIES: list[Any] = [
    [{"role": "user", "content": "E"}, {"role": "assistant", "content": "F"}],
    [{"type": "human", "content": "E"}, {"type": "ai", "content": "F"}],
    [{"user": "E", "assistant": "F"}],
    [["E", "F"]],
    '[["E", "F"]]',
]


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("key", ["history", "chat_history", "conversation_history"])
def test_earlier_turns_come_before_the_question(key: str, history: Any):
    wanted = [*EARLIER, ("user", "", "Q"), ("assistant", "", "A")]
    for record in (
        {key: history, "question": "Q", "answer": "A"},
        {"instruction": "Q", "output": "A", key: history},
        {"run_type": "chain", "inputs": {"input": "Q", key: history}, "outputs": {"output": "A"}},
        {"type": "CHAIN", "input": {"question": "Q", key: history}, "output": {"answer": "A"}},
    ):
        assert turns(conversation(record)) == wanted
    fields = {"history": "before", "prompt": "ask", "answer": "say"}
    mapped = configuration(source={"format": "fields", "fields": fields})
    assert turns(conversation({"before": history, "ask": "Q", "say": "A"}, mapped)) == wanted


def test_cohere_s_history_is_read():
    history = [{"role": "USER", "message": "E"}, {"role": "CHATBOT", "message": "F"}]
    made = conversation({"message": "Q", "chat_history": history, "response": {"text": "A"}})
    assert turns(made) == [*EARLIER, ("user", "", "Q"), ("assistant", "", "A")]


@pytest.mark.parametrize("history", ["Human: E\nAI: F", 7, {"E": "F"}])
def test_a_history_that_is_no_list_is_refused(history: Any):
    assert refusals({"question": "Q", "chat_history": history, "answer": "A"})[0] == ("schema.field_unread", "chat_history")


def test_a_history_with_the_question_in_it_is_the_whole_conversation():
    made = conversation({"query": "Q", "history": [Q, A]} | {"response": "A2"})
    assert turns(made) == [("user", "", "Q"), ("assistant", "", "A"), ("assistant", "", "A2")]


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("Hi", [("user", "Hi")]),
        ("Human: Hi", [("user", "Hi")]),
        ("System: Be brief.\nHuman: Hi\nthere", [("system", "Be brief."), ("user", "Hi\nthere")]),
        ("Human: Hi\nAI: Yo\nHuman: Ok", [("user", "Human: Hi\nAI: Yo\nHuman: Ok")]),
        ("Say Human: Hi", [("user", "Say Human: Hi")]),
    ],
)
def test_the_prompt_of_a_run_is_its_question(prompt: str, wanted: list[tuple[str, str]]):
    assert prompt_of(prompt) == wanted
    made = conversation({"run_type": "llm", "inputs": {"prompts": [prompt]}, "outputs": {"generations": [[{"text": "A"}]]}})
    assert [(turn.role, turn.content) for turn in made.messages] == [*wanted, ("assistant", "A")]


def test_several_prompts_of_a_run_are_refused():
    record = {"run_type": "llm", "inputs": {"prompts": ["Q", "R"]}, "outputs": {"generations": [[{"text": "A"}]]}}
    assert refusals(record) == [("schema.field_unread", "inputs.prompts[1]")]


@pytest.mark.parametrize(
    ("record", "place"),
    [
        ({"run_type": "chain", "inputs": {"mood": "glad"}, "outputs": {"output": "A"}}, "inputs.messages"),
        ({"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A"}]}]}, "input"),
    ],
)
def test_an_answer_without_a_question_is_refused(record: dict[str, Any], place: str):
    assert refusals(record) == [("schema.content_missing", place)]


def test_a_mapping_whose_question_a_record_has_not_refuses_the_record():
    config = configuration(source={"format": "fields", "fields": {"prompt": ["ask", "more"], "answer": "say"}})
    assert refusals({"asked": "Q", "say": "A"}, config) == [("schema.content_missing", "ask")]
    assert turns(conversation({"more": "Q", "say": "A"}, config)) == [("user", "", "Q"), ("assistant", "", "A")]


def test_several_traces_in_one_record_are_refused_by_name():
    def chat(trace: str, question: str) -> dict[str, Any]:
        said = {"input": [Q | {"content": question}], "output": [A]}
        return {"traceId": trace, "attributes": [{"key": f"gen_ai.{key}.messages", "value": {"stringValue": json.dumps(said[key])}} for key in said]}

    def export(*spans: dict[str, Any]) -> dict[str, Any]:
        return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}

    assert turns(conversation(export(chat("1", "Q")))) == [("user", "", "Q"), ("assistant", "", "A")]
    (finding,) = run(export(chat("1", "Q"), chat("2", "R")))[0].findings
    assert (finding.code, finding.where) == ("schema.unknown_format", "resourceSpans")
    assert finding.detail.startswith("of 2 chats in this record, none begins with all the others; write each trace")
