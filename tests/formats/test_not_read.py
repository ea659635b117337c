"""Logs of agent libraries that are refused by name, and the requests that they log instead, which are read."""

import json
from typing import Any

import pytest

from tests.making import configuration, conversation, notes, refusals, run, turns

TEXT = {"type": "text", "text": "Q"}
CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
OPENHANDS_0: list[dict[str, Any]] = [
    {"id": 1, "source": "user", "message": "Q", "action": "message", "args": {"content": "Q", "image_urls": None}},
    {"id": 2, "source": "agent", "message": "Running command: ls", "action": "run", "args": {"command": "ls", "thought": "T"}},
    {"id": 3, "source": "agent", "message": "Command executed.", "cause": 2, "observation": "run", "content": "a.py", "extras": {"command": "ls"}},
]
OPENHANDS_1: list[dict[str, Any]] = [
    {"id": "1", "source": "agent", "system_prompt": TEXT, "tools": [{"description": "d", "kind": "FinishTool"}], "kind": "SystemPromptEvent"},
    {"id": "2", "source": "user", "llm_message": {"role": "user", "content": [TEXT]}, "kind": "MessageEvent"},
    {"id": "3", "source": "agent", "thought": [TEXT], "tool_name": "f", "tool_call_id": "a", "tool_call": CALL, "kind": "ActionEvent"},
]
SMOLAGENTS: list[dict[str, Any]] = [
    {"task": "Q", "task_images": None},
    {"step_number": 1, "model_input_messages": [], "model_output_message": {"role": "assistant", "content": "T"}, "observations": "O"},
]
BROWSER_USE = [{"model_output": {"action": [{"done": {}}]}, "result": [{"is_done": True}], "state": {"url": "u", "screenshot": "s.png"}, "metadata": None}]
THREADS: list[dict[str, Any]] = [
    {"id": "step_1", "object": "thread.run.step", "type": "tool_calls", "step_details": {"tool_calls": [CALL]}},
    {"id": "msg_1", "object": "thread.message", "role": "user", "content": [{"type": "text", "text": {"value": "Q", "annotations": []}}]},
]


@pytest.mark.parametrize(
    ("record", "name"),
    [
        *((event, "OpenHands") for event in (*OPENHANDS_0, *OPENHANDS_1)),
        *(({"instance_id": "i", "instruction": "Q", "history": events, "test_result": {}}, "OpenHands") for events in (OPENHANDS_0, OPENHANDS_1)),
        (SMOLAGENTS[1], "smolagents"),
        ({"steps": SMOLAGENTS}, "smolagents"),
        ({"history": BROWSER_USE}, "browser-use"),
        *((item, "Assistants") for item in THREADS),
        ({"object": "list", "data": THREADS, "has_more": False}, "Assistants"),
    ],
)
def test_each_is_refused_by_its_name(record: dict[str, Any], name: str):
    (finding,) = run(record)[0].findings
    assert finding.code == "schema.unknown_format"
    assert name in finding.detail


def test_a_record_of_another_shape_is_not_refused_for_one_of_its_keys():
    told = {"role": "user", "content": "Q", "source": "x", "kind": "ActionEvent"}
    assert turns(conversation({"history": [told, {"role": "assistant", "content": "A"}]})) == [("user", "", "Q"), ("assistant", "", "A")]
    assert refusals({"source": "x", "note": "y"}, configuration())[0][0] == "schema.unknown_format"


def test_turns_that_say_who_speaks_are_read_whatever_stands_beside_them():
    for keys in ({"action": "x", "args": 1}, {"observation": "x", "extras": {}}):
        record = {"source": "ds", **keys, "conversation": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}
        assert turns(conversation(record, configuration(source={"ignore": ["observation", "action"]}))) == [("user", "", "Q"), ("assistant", "", "A")]


def test_the_keys_of_openhands_are_its_own_only_beside_each_other():
    asked = [{"role": "user", "content": "Q"}]
    record = {"messages": asked, "fncall_messages": asked, "fncall_response": {"choices": [{"message": {"content": "The real answer"}}]}, "response": "A"}
    assert refusals(record) == [("schema.field_unread", "fncall_response")]


def test_the_requests_of_openhands_are_read():
    """`log_completions` writes one file for each request; where the model has no calls of its own, the request stands there once more with calls."""
    answer = {"content": "T", "role": "assistant", "tool_calls": [CALL], "function_call": None}
    asked = [{"content": [TEXT], "role": "user"}]
    tools = [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}}]
    response = {"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"finish_reason": "tool_calls", "index": 0, "message": answer}], "usage": {}}
    record = {"messages": asked, "response": response, "args": [], "kwargs": {"tools": tools, "temperature": 0}, "timestamp": 1.5, "cost": 0.1}
    wanted = [("user", "", "Q"), ("assistant", "", "T"), ("assistant", "f", "{}")]
    made = conversation(record)
    assert (turns(made), [tool["function"]["name"] for tool in json.loads(made.tools)], notes(made)) == (wanted, ["f"], [])
    written = {"content": "T\n<function=f>\n</function>", "role": "assistant", "tool_calls": None}
    without = response | {"choices": [{"finish_reason": "stop", "index": 0, "message": written}]}
    made = conversation(record | {"response": without, "kwargs": {}, "fncall_messages": asked, "fncall_response": response})
    assert turns(made) == wanted
