"""Messages of PydanticAI, as its releases 0.8 and 2.68 write them."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.flow import draft_of
from pipelines.images.data_uri import decode_data_uri
from pipelines.records import Conversation, Draft, raw_record
from tests.making import configuration, conversation, notes, refusals, run_lines, turns

Part = dict[str, Any]
NAMES = {"provider_name": None, "provider_details": None}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
QA = [("user", "", "Q"), ("assistant", "", "A")]


def ask(*parts: Part, **more: Any) -> dict[str, Any]:
    """A request, with every key that the library writes."""
    return {"parts": list(parts), "timestamp": "2026-11-28T04:41:59.535847Z", "instructions": None, "kind": "request", "run_id": "r", "metadata": None} | more


def answer(*parts: Part, **more: Any) -> dict[str, Any]:
    usage = {"input_tokens": 60, "output_tokens": 16, "details": {}}
    made = {"parts": list(parts), "usage": usage, "model_name": "m", "timestamp": "2026-11-28T04:41:59.535847Z", "kind": "response", **NAMES}
    return made | {"provider_response_id": None, "finish_reason": "stop", "run_id": "r", "state": "complete"} | more


def prompt(content: Any) -> Part:
    return {"content": content, "timestamp": "2026-11-28T04:41:59.535542Z", "part_kind": "user-prompt"}


def text(content: str) -> Part:
    return {"content": content, "id": None, "part_kind": "text", **NAMES}


def call(own: str, args: Any, kind: str = "tool-call") -> Part:
    return {"tool_name": "f", "args": args, "tool_call_id": own, "tool_kind": None, "id": None, "part_kind": kind, **NAMES}


def result(own: str, content: Any, kind: str = "tool-return", **more: Any) -> Part:
    made = {"tool_name": "f", "content": content, "tool_call_id": own, "metadata": None, "timestamp": "2026-11-28T04:41:59.544565Z", "part_kind": kind}
    return made | more


def system(content: str, **more: Any) -> Part:
    return {"content": content, "timestamp": "2026-11-28T04:41:59.535530Z", "dynamic_ref": None, "part_kind": "system-prompt"} | more


def file(data: str, media_type: str) -> Part:
    return {"data": data, "media_type": media_type, "vendor_metadata": None, "kind": "binary", "identifier": "8181b0"}


def made_of(*messages: dict[str, Any]) -> Conversation:
    return conversation({"messages": list(messages)})


def test_a_run_with_calls_thoughts_and_retries():
    thinking = {"content": "Hm.", "id": None, "signature": "s", "part_kind": "thinking", **NAMES}
    made = made_of(
        ask(system("S"), prompt("Q"), instructions="I"),
        answer(thinking, text("Wait."), call("a", {"x": 2.50}), call("b", '{"x":  1e2}'), finish_reason="tool_call"),
        ask(result("b", {"n": 2.50}, outcome="success"), result("a", "Not 2.5.", "retry-prompt"), instructions="I"),
        answer(call("c", None)),
        ask(result("c", "Failed.", outcome="failed", retry={"cause": "model_retry", "attempt": 1}), instructions="I"),
        answer(text("A")),
    )
    assert made.format == "pydantic_ai"
    assert turns(made) == [
        *(("system", "", "S"), ("system", "", "I"), ("user", "", "Q"), ("assistant", "", "<think>Hm.</think>Wait.")),
        *(("assistant", "f", '{"x": 2.5}'), ("assistant", "f", '{"x":  1e2}'), ("observation", "", "Not 2.5."), ("observation", "", '{"n": 2.5}')),
        *(("assistant", "f", "{}"), ("observation", "", "Failed."), ("assistant", "", "A")),
    ]
    assert ("tool.results_reordered", "messages[2].parts[1]") in notes(made)


def test_a_file_with_all_messages_is_one_record(tmp_path: Path):
    messages = [ask(prompt("Q")), answer(call("a", {"x": 2.5})), ask(result("a", 4)), answer(text("A"))]
    written = json.dumps(messages).replace("2.5}", "2.50}")
    for name, content in (
        ("all.json", json.dumps(json.loads(written, parse_float=str), indent=1).replace('"2.50"', "2.50")),
        ("lines.jsonl", f"{written}\n[]\n"),
    ):
        path = tmp_path / name
        path.write_text(content)
        made = run_lines(configuration(), path)[0]
        assert isinstance(made, Conversation)
        assert turns(made) == [QA[0], ("assistant", "f", '{"x": 2.50}'), ("observation", "", "4"), QA[1]]  # a number as it is written


def test_a_file_may_begin_with_a_request_without_parts(tmp_path: Path):
    path = tmp_path / "all.json"
    path.write_text(json.dumps([{"parts": [], "instructions": "I", "kind": "request"}, answer(text("A"))]))
    made = run_lines(configuration(), path)[0]
    assert isinstance(made, Conversation)
    assert turns(made) == [("system", "", "I"), QA[1]]


def test_the_instructions_come_before_the_first_answer():
    made = made_of(ask(system("S"), instructions="I"), answer(text("A")), ask(prompt("Q"), instructions="I"), answer(text("A")))
    assert turns(made) == [("system", "", "S"), ("system", "", "I"), QA[1], *QA]


@pytest.mark.parametrize(
    ("messages", "where"),
    [
        ([ask(prompt("Q")), answer(call("a", {}) | {"content": "Said."})], "messages[1].parts[0]"),
        ([ask(prompt("Q")), answer(text("A") | {"args": {"x": 1}})], "messages[1].parts[0]"),
        ([ask(prompt("Q") | {"text": "More."}), answer(text("A"))], "messages[0].parts[0].text"),
    ],
)
def test_keys_of_another_kind_of_part_refuse_the_record(messages: list[Any], where: str):
    assert where in [place for _, place in refusals({"messages": messages})]


def test_messages_may_stand_under_any_key_of_turns():
    assert turns(conversation({"message_history": [ask(prompt("Q")), answer(text("A"))]})) == QA
    assert turns(conversation({"history": json.dumps([ask(prompt("Q")), answer(text("A"))])})) == QA


def test_pictures_keep_their_places():
    seen = file(PIXEL.replace("+", "-").replace("/", "_"), "image/png")  # the library writes the alphabet for addresses
    words = {"content": "and", "metadata": {"k": 1}, "kind": "text-content"}
    asked = ask(prompt(["One", seen, words, {"kind": "cache-point", "ttl": "5m"}, {"url": "a.png", "media_type": "image/png", "kind": "image-url"}]))
    record = {"messages": [asked, answer(call("a", {})), ask(result("a", ["Here:", seen])), answer(text("A"))]}
    draft = draft_of(raw_record("kit", "a.jsonl", 1, json.dumps(record).encode()), configuration())
    assert isinstance(draft, Draft), draft.findings
    assert [(message.content, message.image_at) for message in draft.messages] == [("Oneand", (3, 6)), ("{}", ()), ("Here:", (5,)), ("A", ())]
    assert [decode_data_uri(draft.refs[i].ref) for i in (0, 2)] == [base64.b64decode(PIXEL)] * 2
    assert draft.refs[1].ref == "a.png"


@pytest.mark.parametrize("kind", ["audio/wav", "video/mp4"])
def test_other_media_are_refused_as_such(kind: str):
    assert refusals({"messages": [ask(prompt(["Q", file("AAAA", kind)])), answer(text("A"))]}) == [("media.unsupported", "messages[0].parts[0].content[1]")]


def test_the_instructions_are_those_of_every_answer():
    first = [ask(prompt("Q"), instructions="I"), answer(text("A"))]
    final = ask(result("x", "Final result processed."))  # which the library adds without instructions
    assert turns(made_of(*first)) == [("system", "", "I"), *QA]
    called = made_of(ask(prompt("Q"), instructions="I"), answer(call("x", {})), final, ask(prompt("Q"), instructions="I"), answer(text("A")))
    assert [role for role, *_ in turns(called)] == ["system", "user", "assistant", "observation", "user", "assistant"]
    for other in ("J", None):
        assert refusals({"messages": [*first, ask(prompt("Q"), instructions=other), answer(text("A"))]}) == [("schema.field_unread", "messages[0]")]


@pytest.mark.parametrize(
    ("message", "where"),
    [
        (ask(result("a", "No.", "retry-prompt", tool_name=None)), "messages[2].parts[0]"),
        (ask({"content": "No.", "retry": {"cause": "no_output"}, "part_kind": "retry-feedback"}), "messages[2].parts[0]"),
        (ask(system("S", scope="request")), "messages[2].parts[0]"),
        (ask(system("S", context_id="system_prompt:f")), "messages[2].parts[0]"),
        (ask({"part_kind": "new"}), "messages[2].parts[0]"),
        (ask(result("a", ["x", {"url": "https://a.org/a.pdf", "kind": "document-url"}])), "messages[2].parts[0]"),
        (answer({"content": "x", "part_kind": "compaction"}), "messages[2].parts[0]"),
        (answer(text("B"), {"content": file("AA==", "image/png"), "part_kind": "file"}), "messages[2].parts[1]"),
        ({"kind": "other"}, "messages[2]"),
        ({"kind": "request", "parts": "x"}, "messages[2]"),
        (7, "messages[2]"),
    ],
)
def test_what_the_model_saw_otherwise_is_refused_at_its_place(message: Any, where: str):
    (refusal,) = refusals({"messages": [ask(prompt("Q")), answer(text("A")), message]})
    assert refusal[0] in ("schema.field_unread", "schema.role_missing")
    assert refusal[1] == where


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (ask(result("a", "No.", "retry-prompt", tool_name=None)), "retry-prompt"),
        (ask(system("S", context_id="x")), "context_id"),
        (ask({"part_kind": "new"}), "new"),
        (ask(prompt("Q"), answer_hint="x", parts=[]), "answer_hint"),
    ],
)
def test_ignore_leaves_out_what_it_names(message: dict[str, Any], name: str):
    record = {"messages": [ask(prompt("Q")), message, answer(text("A"))]}
    assert [code for code, _ in refusals(record)] == ["schema.field_unread"]
    assert turns(conversation(record, configuration(source={"ignore": [name]}))) == QA


def test_keys_that_no_table_knows_are_accounted_for():
    assert refusals({"messages": [ask(prompt("Q")), answer(text("A"), edited_response="B")]}) == [("schema.field_unread", "messages[1].edited_response")]
    assert refusals({"messages": [ask(prompt("Q"), images=["a.png"]), answer(text("A"))]})[0][0].startswith("image.")
    assert refusals({"messages": [ask(prompt("Q") | {"loss_fn": "x"}), answer(text("A"))]}) == [("schema.field_unread", "messages[0].parts[0].loss_fn")]


def test_an_answer_that_was_interrupted_is_not_trained():
    made = made_of(ask(prompt("Q")), answer(text("A")), ask(prompt("Q")), answer(text("A"), state="interrupted"))
    assert [message.loss_weight for message in made.messages] == [None, None, None, 0.0]
    made = made_of(ask(prompt("Q")), answer(text("A")), ask(prompt("Q")), answer(text("A"), finish_reason="length"))
    assert [message.loss_weight for message in made.messages] == [None, None, None, 0.0]


def test_tools_of_the_provider_have_their_results_in_the_answer():
    made = made_of(ask(prompt("Q")), answer(call("a", {"q": "x"}, "builtin-tool-call"), result("a", {"n": 1}, "builtin-tool-return"), text("A")))
    assert turns(made) == [QA[0], ("assistant", "f", '{"q": "x"}'), ("observation", "", '{"n": 1}'), QA[1]]
