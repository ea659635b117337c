"""What a repair changed: the part of the record as it is in the log, and what the row has instead.

    "{'city': 'Oslo', 'days': 2}"   ->   {"city": "Oslo", "days": 2}

Only what is certain is shown. The messages of a turn are found by counting those of the turns before and after it; where the roles do not fit, or the
log is gone, there is no "after", or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import orjson

from pipelines.visible import visible

MOST = 600  # characters of either side
ROLES = {"human": "user", "gpt": "assistant", "model": "assistant", "tool": "observation", "function": "observation"}
_STEP = re.compile(r"\[(\d+)\]|\.?([^.\[\]]+)")
_RENAMED = re.compile(r"'(.*)' -> '(.*)'", re.DOTALL)

Row = Mapping[str, Any]


def change_of(raw: bytes | None, row: Row, finding: Row) -> tuple[str, str] | None:
    """(before, after) of one repair of a row of `conversations`, whose record in the log is `raw`. None where neither is known."""
    if renamed := _RENAMED.fullmatch(finding["detail"]):
        return _clipped(renamed[1]), _clipped(renamed[2])
    record = _parsed(raw)
    steps = [int(number) if number else key for number, key in _STEP.findall(finding["where"])]
    before = _at(record, steps)
    if before is None or not steps:
        return None
    after = _tool_after(row, steps) if steps[0] == "tools" else _turn_after(record, row, steps)
    return (_text(before), after) if after else None


def _parsed(raw: bytes | None) -> Any:
    try:
        return orjson.loads(raw or b"null")
    except orjson.JSONDecodeError:
        return None


def _at(value: Any, steps: Sequence[int | str]) -> Any:
    """The value at this place; None where there is none."""
    for step in steps:
        if isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        elif isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value


def _tool_after(row: Row, steps: Sequence[int | str]) -> str:
    tools = _parsed((row["tools"] or "null").encode())
    tool = _at(tools, steps[1:2]) if len(steps) > 1 else tools
    return "" if tool is None else _text(tool)


def _turn_after(record: Any, row: Row, steps: Sequence[int | str]) -> str:
    """The messages that the turn at this place became, one on each line."""
    turns = _at(record, steps[:1])
    if len(steps) < 2 or not isinstance(steps[1], int) or not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        return ""
    messages, number = row["messages"], steps[1]
    before, own, after = _roles(turns[:number]), _roles(turns[number : number + 1]), _roles(turns[number + 1 :])
    first = 1 if messages and messages[0]["role"] == "system" and (before or own)[:1] != ["system"] else 0  # from a field of the record
    start, end = first + len(before), len(messages) - len(after)
    roles = [message["role"] for message in messages]
    if start >= end or roles[first:start] != before or roles[end:] != after or roles[start] != own[0]:
        return ""
    return "\n".join(_text(_with_marks(message), message["metadata"]) for message in messages[start:end])


def _with_marks(message: Row) -> str:
    """The content with a mark where each image stands."""
    content, places = message["content"], [0, *message["image_at"], len(message["content"])]
    return "[image]".join(content[start:end] for start, end in pairwise(places))


def _roles(turns: Sequence[Row]) -> list[str]:
    """The roles of the messages that these turns become when nothing in them is repaired."""
    found: list[str] = []
    for turn in turns:
        logged = turn.get("role") or turn.get("from")
        role = ROLES.get(str(logged), str(logged))
        calls = turn.get("tool_calls")
        said = [role] if turn.get("content") or turn.get("value") or not calls else []
        found += [*said, *([role] * len(calls) if isinstance(calls, list) else [])]
    return found


def _text(value: Any, name: str = "") -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return _clipped(f"{name} {text}" if name else text)


def _clipped(text: str) -> str:
    return visible(text[:MOST]) + ("…" if len(text) > MOST else "")
