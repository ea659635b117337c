"""What is noted of turns that are read as they stand: times that descend, names of several speakers, gaps in a session."""

from typing import Any

import pytest

from tests.making import conversation, notes, turns

Q, A = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}
DAY = "2026-01-01T00:00:0"


def timed(key: str, *times: Any) -> list[dict[str, Any]]:
    return [(A if i % 2 else Q) | {key: time} for i, time in enumerate(times)]


@pytest.mark.parametrize(
    ("messages", "places"),
    [
        (timed("timestamp", 20, 10), ["messages[1]"]),
        (timed("created_at", f"{DAY}1Z", f"{DAY}3Z", f"{DAY}2Z", f"{DAY}4Z"), ["messages[2]"]),
        (timed("created_at", f"{DAY}1+01:00", f"{DAY}1Z"), []),
        (timed("created_at", f"{DAY}1Z", f"{DAY}1+01:00"), ["messages[1]"]),
        (timed("timestamp", 10, 10, 11.5, 12), []),
        (timed("timestamp", 10, None, 9, 8), []),
        (timed("timestamp", 20, "soon"), []),
        (timed("date", "10:31", "10:30"), []),
        ([Q | {"time": 1}, A | {"time": 3}, {"role": "tool", "content": "4", "time": 2}, A | {"time": 5}][:2], []),
    ],
)
def test_times_that_descend_are_noted(messages: list[Any], places: list[str]):
    for record in ({"messages": messages}, {"trajectory": messages}):
        made = conversation(record)
        assert [where.replace("trajectory", "messages") for code, where in notes(made) if code == "schema.times_descend"] == places
        assert len(turns(made)) == len(messages)


def test_results_may_have_earlier_times_than_those_before_them():
    calls = [{"id": name, "function": {"name": name, "arguments": "{}"}} for name in ("f", "g")]
    called = {"role": "assistant", "tool_calls": calls, "timestamp": 2}
    results = [{"role": "tool", "tool_call_id": name, "content": "4", "timestamp": time} for name, time in (("f", 4), ("g", 3))]
    assert notes(conversation({"messages": [Q | {"timestamp": 1}, called, *results, A | {"timestamp": 5}]})) == []


def test_names_of_several_speakers_of_one_role_are_noted():
    named = [Q | {"name": "boss"}, A | {"name": "planner"}, A | {"name": "coder"}, Q | {"name": "critic"}, A | {"name": "coder"}]
    made = conversation({"messages": named})
    assert [(finding.code, finding.where, finding.detail) for finding in made.findings] == [
        ("schema.names_left_out", "messages[0].name", "turns of role user have the names 'boss, critic', which the conversation does not have"),
        ("schema.names_left_out", "messages[1].name", "turns of role assistant have the names 'planner, coder', which the conversation does not have"),
    ]
    assert notes(conversation({"messages": [Q | {"name": "boss"}, A | {"name": "coder"}, Q | {"name": "boss"}, A]})) == []


def event(number: int, parent: int | None, kind: str, text: str, **more: Any) -> dict[str, Any]:
    message = {"role": kind, "content": text} | ({"id": f"m{number}"} if kind == "assistant" else {})
    return {"type": kind, "uuid": str(number), "parentUuid": None if parent is None else str(parent), "sessionId": "e", "message": message} | more


def test_a_message_whose_parent_is_not_in_the_file_is_noted():
    lines = [event(0, None, "user", "Q"), event(1, 0, "assistant", "A"), event(3, 2, "user", "R"), event(4, 3, "assistant", "B")]
    made = conversation({"lines": lines})
    assert ([text for _, _, text in turns(made)], notes(made)) == (["Q", "A", "R", "B"], [("schema.parent_missing", "lines[2].parentUuid")])
    lines[2]["parentUuid"] = "1"
    assert notes(conversation({"lines": lines})) == []
    side = [event(1, 0, "user", "Q", isSidechain=True), event(2, 1, "assistant", "A", isSidechain=True)]
    assert notes(conversation({"lines": side})) == []


def test_thoughts_that_gemini_cli_showed_are_left_out_with_a_note():
    answer = {"id": "2", "type": "gemini", "content": "A", "thoughts": [{"subject": "Look", "description": "Where?", "timestamp": "t"}]}
    record = {"sessionId": "e", "projectHash": "h", "messages": [{"id": "1", "type": "user", "content": "Q"}, answer]}
    made = conversation(record)
    assert (turns(made)[1], notes(made)) == (("assistant", "", "A"), [("schema.field_unread", "messages[1].thoughts")])


def test_a_web_search_of_codex_is_a_call():
    def item(**payload: Any) -> dict[str, Any]:
        return {"type": "response_item", "payload": payload}

    said = [
        item(type="message", role=role, content=[{"type": kind, "text": text}])
        for role, kind, text in (("user", "input_text", "Q"), ("assistant", "output_text", "A"))
    ]
    search = item(type="web_search_call", status="completed", action={"type": "search", "query": "snow"})
    made = conversation({"lines": [said[0], search, said[1]]})
    assert [(name, text) for _, name, text in turns(made)] == [("", "Q"), ("web_search", '{"type": "search", "query": "snow"}'), ("", "A")]
