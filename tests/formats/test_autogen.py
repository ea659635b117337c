"""Messages of AutoGen: AgentChat of release 0.7, as `model_dump_json()`, `dump()` and `save_state()` write them, and the chat history of 0.2."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.flow import draft_of
from pipelines.images.data_uri import decode_data_uri
from pipelines.records import Conversation, Draft, raw_record
from tests.making import configuration, conversation, notes, refusals, run_lines, turns

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
USAGE = {"prompt_tokens": 1, "completion_tokens": 1}
QA = [("user", "", "Q"), ("assistant", "", "A")]


def message(kind: str, content: Any, source: str = "helper", **more: Any) -> dict[str, Any]:
    """A message with every key that the library writes."""
    own = {"id": "d09e12f8", "source": source, "models_usage": None, "metadata": {}, "created_at": "2026-11-28T04:44:28.210598Z"}
    return own | {"content": content, "type": kind} | more


def call(own: str, arguments: str = "{}") -> dict[str, Any]:
    return {"id": own, "arguments": arguments, "name": "f"}


def result(own: str, content: str, is_error: bool = False) -> dict[str, Any]:
    return {"content": content, "name": "f", "call_id": own, "is_error": is_error}


Q, A = message("TextMessage", "Q", "user"), message("TextMessage", "A", models_usage=USAGE)
CALLS = message("ToolCallRequestEvent", [call("a", '{"x": 1e2}'), call("b")], models_usage=USAGE)
RESULTS = message("ToolCallExecutionEvent", [result("a", "3"), result("b", "no such city", True)])
CALLED = [("assistant", "f", '{"x": 1e2}'), ("assistant", "f", "{}"), ("observation", "", "3"), ("observation", "", "no such city")]


def made_of(*messages: Any) -> Conversation:
    return conversation({"messages": list(messages)})


def test_a_run_of_an_agent():
    made = made_of(Q, message("ThoughtEvent", "Wait."), CALLS, RESULTS, message("ThoughtEvent", "Hm."), A)
    assert made.format == "autogen"
    assert turns(made) == [QA[0], ("assistant", "", "Wait."), *CALLED, ("assistant", "", "<think>Hm.</think>A")]
    assert notes(made) == []


def test_a_file_with_all_messages_is_one_record(tmp_path: Path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps([Q, CALLS, RESULTS, A], indent=1))
    assert [turns(one) for one in run_lines(configuration(), path) if isinstance(one, Conversation)] == [[QA[0], *CALLED, QA[1]]]


@pytest.mark.parametrize("begin", [[], [{"content": "S", "type": "SystemMessage"}]])
def test_a_file_with_the_context_of_a_model_is_one_record(tmp_path: Path, begin: list[Any]):
    path = tmp_path / "context.json"
    context = [*begin, {"content": "Q", "source": "user", "type": "UserMessage"}, {"content": "A", "thought": None, "source": "h", "type": "AssistantMessage"}]
    path.write_text(json.dumps(context, indent=1))
    wanted = [("system", "", "S")] * len(begin) + QA
    assert [turns(one) for one in run_lines(configuration(), path) if isinstance(one, Conversation)] == [wanted]
    assert turns(conversation({"llm_context": {"messages": context}})) == wanted


def test_what_the_library_made_of_results_is_left_out():
    """An agent that does not reflect on its tools gives back their results, which no model wrote."""
    summary = message("ToolCallSummaryMessage", "3\nno such city", tool_calls=CALLS["content"], results=RESULTS["content"])
    handoff = message("HandoffMessage", "Transferred to other.", target="other", context=[])
    chunk = message("ModelClientStreamingChunkEvent", "A", full_message_id="x")
    draft = draft_of(raw_record("kit", "a.jsonl", 1, json.dumps({"messages": [Q, CALLS, RESULTS, summary, handoff, Q, chunk, A]}).encode()), configuration())
    assert isinstance(draft, Draft), draft.findings
    assert [(one.role, one.metadata, one.content) for one in draft.messages] == [QA[0], *CALLED, *QA]
    assert dict(draft.unread) | {"turn.name": 0} == {"turn.(text that AutoGen made of results)": 2, "turn.(event of AutoGen)": 1, "turn.name": 0}


@pytest.mark.parametrize("kind", ["ToolCallSummaryMessage", "HandoffMessage"])
def test_what_repeats_no_results_is_not_left_out(kind: str):
    other = message("ToolCallExecutionEvent", RESULTS["content"], "other")
    for before in ([], [CALLS, other], [CALLS, RESULTS, A]):
        record = {"messages": [Q, *before, message(kind, "Book it."), Q, A]}
        assert ("schema.field_unread", f"messages[{1 + len(before)}]") in refusals(record)
        assert conversation(record, configuration(source={"ignore": [kind]}))


def test_other_keys_of_what_is_left_out_are_accounted_for():
    summary = message("ToolCallSummaryMessage", "3", images=["a.png"])
    assert refusals({"messages": [Q, CALLS, RESULTS, summary, A]}) == [("schema.field_unread", "messages[3].images")]


def test_a_person_who_used_a_model_is_refused():
    for kind in ("TextMessage", "HandoffMessage"):
        assert refusals({"messages": [Q, message(kind, "A", "user", models_usage=USAGE), A]}) == [("schema.role_missing", "messages[1]")]


def test_a_thought_is_read_of_answers_only():
    assert turns(made_of(Q, A | {"thought": "Hm."})) == [QA[0], ("assistant", "", "<think>Hm.</think>A")]
    asked = {"type": "UserMessage", "source": "user", "content": "Q", "thought": "Hm."}
    assert refusals({"messages": [asked, A]}) == [("schema.field_unread", "messages[0].thought")]


def test_a_result_is_a_result_whatever_its_role_says():
    results = message("ToolCallExecutionEvent", [result("a", "3") | {"role": "user"}, result("b", "4")])
    assert turns(made_of(Q, CALLS, results, A))[3:5] == [("observation", "", "3"), ("observation", "", "4")]


def test_a_question_may_be_handed_over_by_a_person():
    assert turns(made_of(message("HandoffMessage", "Q", "user", target="helper", context=[]), A)) == QA


def test_the_context_of_a_model():
    context = [
        {"content": "Q", "source": "user", "type": "UserMessage"},
        {"content": CALLS["content"], "thought": "Wait.", "source": "helper", "type": "AssistantMessage"},
        {"content": RESULTS["content"], "type": "FunctionExecutionResultMessage"},
        {"content": "A", "thought": "Hm.", "source": "helper", "type": "AssistantMessage"},
    ]
    wanted = [QA[0], ("assistant", "", "Wait."), *CALLED, ("assistant", "", "<think>Hm.</think>A")]
    state = {"type": "AssistantAgentState", "version": "1.0.0", "llm_context": {"messages": context}}
    for record in ({"messages": context}, state, {"type": "ChatAgentContainerState", "agent_state": state, "message_buffer": []}):
        assert turns(conversation(record)) == wanted


def test_pictures_keep_their_places():
    seen = message("MultiModalMessage", ["One", {"data": PIXEL}, "two"], "user")
    draft = draft_of(raw_record("kit", "a.jsonl", 1, json.dumps({"messages": [seen, A]}).encode()), configuration())
    assert isinstance(draft, Draft), draft.findings
    assert [(one.content, one.image_at) for one in draft.messages] == [("Onetwo", (3,)), ("A", ())]
    assert decode_data_uri(draft.refs[0].ref) == base64.b64decode(PIXEL)


def test_the_names_of_several_agents_are_noted():
    made = made_of(Q, message("TextMessage", "B", "critic", models_usage=USAGE), A)
    assert (turns(made), notes(made)) == ([QA[0], ("assistant", "", "B"), QA[1]], [("schema.names_left_out", "messages[1].name")])


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ([message("TextMessage", "B", "proxy")], "messages[2]"),  # a person or a model?
        ([message("StructuredMessage[Plan]", {"a": 1})], "messages[2]"),
        ([message("MemoryQueryEvent", [{"content": "x"}])], "messages[2]"),
        ([message("CodeExecutionEvent", None, result={"output": "x"})], "messages[2]"),
        ([message("MultiModalMessage", ["x", {"data": PIXEL}], models_usage=USAGE)], "messages[2]"),
        ([message("StopMessage", "x")], "messages[2]"),
        ([message("HandoffMessage", "x", context=[{"content": "y", "type": "UserMessage"}])], "messages[2]"),
        ([message("ToolCallExecutionEvent", "x")], "messages[2]"),
        ([message("ToolCallExecutionEvent", [7])], "messages[2].content[0]"),
        ([message("ThoughtEvent", "x")], "messages[2]"),
        ([message("ThoughtEvent", "x"), message("ThoughtEvent", "y"), A], "messages[3]"),
        ([message("ThoughtEvent", "x"), RESULTS], "messages[2]"),
        ([7], "messages[2]"),
    ],
)
def test_what_nobody_can_know_is_refused_at_its_place(more: list[Any], where: str):
    found = refusals({"messages": [Q, A, *more]})
    assert {("schema.role_missing", where), ("schema.field_unread", where)}.intersection(found)


def test_ignore_leaves_out_the_messages_that_it_names():
    record = {"messages": [Q, message("MemoryQueryEvent", [{"content": "x"}]), message("StopMessage", "x"), A]}
    assert [code for code, _ in refusals(record)] == ["schema.field_unread"] * 2
    assert turns(conversation(record, configuration(source={"ignore": ["MemoryQueryEvent", "StopMessage"]}))) == QA


def test_keys_that_no_table_knows_are_accounted_for():
    assert refusals({"messages": [Q, A | {"edited_response": "B"}]}) == [("schema.field_unread", "messages[1].edited_response")]
    assert refusals({"messages": [Q, A | {"weight": -1}]})[0][0] == "schema.field_type"
    assert ("schema.field_unread", "messages[1].metadata") in notes(made_of(Q, A | {"metadata": {"k": "v"}}))


def test_the_results_of_several_calls_in_a_message_of_release_0_2():
    calls = [{"id": own, "type": "function", "function": {"name": "f", "arguments": "{}"}} for own in "ab"]
    results = [{"tool_call_id": own, "role": "tool", "content": text} for own, text in (("a", "3"), ("b", "4"))]
    history = [
        *({"content": "Q", "role": "user", "name": "boss"}, {"content": None, "tool_calls": calls, "role": "assistant", "name": "helper"}),
        *({"content": "3\n\n4", "tool_responses": results, "role": "tool", "name": "boss"}, {"content": "A", "role": "assistant", "name": "helper"}),
    ]
    wanted = [QA[0], ("assistant", "f", "{}"), ("assistant", "f", "{}"), ("observation", "", "3"), ("observation", "", "4"), QA[1]]
    assert turns(conversation({"chat_history": history})) == wanted
    assert refusals({"messages": [*history[:2], history[2] | {"tool_responses": [7]}, history[3]]})[0][0] == "schema.turn_not_object"
    for content in ("what was really said", "3\n\n4\n\n5"):
        assert refusals({"messages": [*history[:2], history[2] | {"content": content}, history[3]]}) == [("schema.field_unread", "messages[2].content")]


def test_a_result_with_an_empty_list_of_responses_is_its_content():
    called = {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
    messages = [{"role": "user", "content": "Q"}, called, {"role": "tool", "content": "3", "tool_responses": []}, {"role": "assistant", "content": "A"}]
    assert turns(conversation({"messages": messages})) == [QA[0], ("assistant", "f", "{}"), ("observation", "", "3"), QA[1]]


@pytest.mark.parametrize("names", [("user_proxy", "helper"), ("boss", "assistant")])
def test_a_history_with_the_roles_of_the_one_who_asked_is_refused(names: tuple[str, str]):
    """`ChatResult.chat_history` of release 0.2 has the messages as the agent saw them that began the chat: its own are those of the assistant."""
    asked, answered = ({"content": text, "role": role, "name": name} for text, role, name in zip("QA", ("assistant", "user"), names, strict=True))
    assert refusals({"messages": [asked, answered, asked | {"content": "Q2"}]})[0][0] == "schema.field_unread"
