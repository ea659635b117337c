"""States and checkpoints of LangGraph 1.2, and lists of LangChain's messages, as `model_dump`, `messages_to_dict` and `dumpd` write them."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.records import Conversation
from tests.making import configuration, conversation, refusals, run_lines, turns

CALL = {"name": "f", "args": {"x": 1}, "id": "a", "type": "tool_call"}
REST: dict[str, Any] = {"additional_kwargs": {}, "response_metadata": {}, "name": None, "id": "7aeb1417"}
DUMPED: list[dict[str, Any]] = [
    {"content": "S", "type": "system", **REST},
    {"content": "Q", "type": "human", **REST},
    {"content": "", "type": "ai", **REST, "tool_calls": [CALL], "invalid_tool_calls": [], "usage_metadata": {"input_tokens": 1}},
    {"content": "3", "type": "tool", **REST, "name": "f", "tool_call_id": "a", "artifact": None, "status": "error"},
    {"content": "A", "type": "ai", **REST, "tool_calls": [], "invalid_tool_calls": [], "usage_metadata": None},
]
CLASSES = {"system": "SystemMessage", "human": "HumanMessage", "ai": "AIMessage", "tool": "ToolMessage"}
TYPED = [{"type": one["type"], "data": one} for one in DUMPED]
BUILT = [{"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", CLASSES[one["type"]]], "kwargs": one} for one in DUMPED]
TURNS = [("system", "", "S"), ("user", "", "Q"), ("assistant", "f", '{"x": 1}'), ("observation", "", "3"), ("assistant", "", "A")]
CONFIG = {"configurable": {"thread_id": "t1", "checkpoint_ns": "", "checkpoint_id": "1f1eae66"}}


def checkpoint(messages: list[Any]) -> dict[str, Any]:
    versions = {"__start__": "1.0", "messages": "2.0", "branch:to:n": "2.0"}
    seen = {"__input__": {}, "n": {"branch:to:n": "1.0"}}
    return {"v": 4, "ts": "2026-11-28T04:44:31+00:00", "id": "1f1eae66", "channel_versions": versions, "versions_seen": seen} | {
        "updated_channels": ["messages"],
        "channel_values": {"messages": messages, "branch:to:n": None},
    }


@pytest.mark.parametrize("messages", [DUMPED, TYPED, BUILT], ids=["dumped", "typed", "built"])
def test_the_messages_of_a_state_are_read(messages: list[Any], tmp_path: Path):
    tuple_of_saver = {
        "config": CONFIG,
        "checkpoint": checkpoint(messages),
        "metadata": {"source": "loop", "step": 1, "writes": {"n": {"messages": messages[2:]}}},
    }
    snapshot = {"values": {"messages": messages, "remaining_steps": 5}, "next": [], "config": CONFIG, "tasks": [], "interrupts": [], "parent_config": None}
    for record in (checkpoint(messages), tuple_of_saver, snapshot, {"messages": messages}):
        assert turns(conversation(record)) == TURNS
    path = tmp_path / "history.json"  # as FileChatMessageHistory writes it
    path.write_text(json.dumps(messages))
    assert [turns(one) for one in run_lines(configuration(), path) if isinstance(one, Conversation)] == [TURNS]


def test_what_else_a_state_has_is_accounted_for():
    state = checkpoint(DUMPED)
    state["channel_values"]["draft_answer"] = "another text"
    assert refusals(state) == [("schema.field_unread", "channel_values.draft_answer")]
    broken = [*DUMPED[:2], DUMPED[2] | {"tool_calls": [], "invalid_tool_calls": [{"name": "f", "args": '{"x', "id": "a"}]}]
    assert ("schema.field_unread", "messages[2].invalid_tool_calls") in refusals({"messages": broken})
