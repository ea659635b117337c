"""Cumulative logs, as an API proxy writes them: one record per call, each with the whole history."""

from __future__ import annotations

import copy
import json
from typing import Any

Turn = dict[str, Any]
TOOL = {"type": "function", "function": {"name": "run", "parameters": {"type": "object", "properties": {"command": {"type": "string"}}}}}


def episode(number: int, calls: int = 31) -> list[Turn]:
    """The turns of an episode with this many calls of the model, the last of which answers in words."""
    turns: list[Turn] = [{"role": "system", "content": "Use the tools."}, {"role": "user", "content": f"Repair number {number}."}]
    for call in range(calls - 1):
        function = {"name": "run", "arguments": json.dumps({"command": f"part {number}.{call}"})}
        answer = {"role": "assistant", "content": f"Part {number}.{call}.", "reasoning_content": f"I look at {number}.{call}."}
        turns.append(answer | {"tool_calls": [{"id": f"c{call}", "type": "function", "function": function}]})
        turns.append({"role": "tool", "tool_call_id": f"c{call}", "content": f"part {call} is broken"})
    return [*turns, {"role": "assistant", "content": f"Number {number} works.", "reasoning_content": "All parts work."}]


def whole(turns: list[Turn], **more: Any) -> dict[str, Any]:
    return {"tools": [TOOL], "messages": turns} | more


def answers(turns: list[Turn]) -> list[int]:
    return [i for i, turn in enumerate(turns) if turn["role"] == "assistant"]


def call_records(turns: list[Turn], keep_thinking: bool = True, **more: Any) -> list[dict[str, Any]]:
    """A record per call: the request with the history, without its reasoning where that is stripped, and the response."""
    return [call_record(turns[:i] if keep_thinking else stripped(turns[:i]), turns[i], **more) for i in answers(turns)]


def call_record(history: list[Turn], answer: Turn, **more: Any) -> dict[str, Any]:
    request = {"model": "m", "tools": [TOOL], "messages": history}
    return {"request": request, "response": {"choices": [{"index": 0, "message": answer, "finish_reason": "stop"}]}} | more


def stripped(turns: list[Turn]) -> list[Turn]:
    return [{key: value for key, value in turn.items() if key != "reasoning_content"} for turn in copy.deepcopy(turns)]
