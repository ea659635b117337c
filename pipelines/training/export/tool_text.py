"""Calls, results and definitions as plain turns, for models without a tool format of their own: the same texts that the row was tokenized from.

Source: pipelines/chat/tool_syntax.py, which this room may not import; a test holds the two together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

Message = dict[str, Any]

DEFAULT_SYSTEM = "You are a helpful assistant."
_HERMES = (
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n",
    "\n</tools>\n\n"
    "For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n"
    '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>',
)
_JSON = 'You can call these functions. A call is a JSON object {"name": ..., "arguments": ...} on a line of its own.\n'


def uses_tools(messages: Sequence[Message], tools: str | None) -> bool:
    return bool(tools) or any(message["metadata"] or message["role"] == "observation" for message in messages)


def in_words(messages: Sequence[Message], tools: str | None, syntax: str | None) -> list[Message]:
    """The turns with calls, results and definitions in this syntax, hermes or json; as they are where there are none."""
    if not uses_tools(messages, tools):
        return list(messages)
    is_hermes = syntax == "hermes"
    turns: list[Message] = []
    for kind, run in groupby(messages, lambda message: "call" if message["metadata"] else message["role"]):
        if kind == "call":
            _add_calls(turns, [_tagged("tool_call", _call(one)) if is_hermes else _call(one) for one in run])
        elif kind == "observation":
            turns.append(_joined("user", [_tagged("tool_response", one) if is_hermes else one for one in run], None))
        else:
            turns += run
    return _with_definitions(turns, _HERMES[0] + _lines(tools) + _HERMES[1] if is_hermes else _JSON + _lines(tools)) if tools else turns


def _add_calls(turns: list[Message], calls: list[Message]) -> None:
    """Calls in a row are one turn, with the text that stood beside them unless one is trained and the other is not."""
    weight = _weight(calls)
    before = turns[-1] if turns else None
    if before is not None and before["role"] == "assistant" and (before["loss_weight"] == 0) == (weight == 0):
        calls = [turns.pop(), *calls]
    turns.append(_joined("assistant", calls, _weight(calls)))


def _weight(messages: Sequence[Message]) -> float | None:
    """The largest weight; none is full weight, 1."""
    key: Callable[[float | None], float] = lambda weight: 1.0 if weight is None else weight  # noqa: E731
    return max((message["loss_weight"] for message in messages), key=key)


def _between(before: str, message: Message, after: str) -> Message:
    image_at = [len(before) + offset for offset in message["image_at"] or ()]
    return message | {"content": f"{before}{message['content']}{after}", "image_at": image_at}


def _tagged(name: str, message: Message) -> Message:
    return _between(f"<{name}>\n", message, f"\n</{name}>")


def _call(message: Message) -> Message:
    return _between(f'{{"name": {json.dumps(message["metadata"], ensure_ascii=False)}, "arguments": ', message, "}")


def _joined(role: str, parts: Sequence[Message], weight: float | None) -> Message:
    """One turn of these texts, each on a line of its own, with the pictures of all of them."""
    image_at: list[int] = []
    start = 0
    for message in parts:
        image_at += [start + offset for offset in message["image_at"] or ()]
        start += len(message["content"]) + 1
    content = "\n".join(message["content"] for message in parts)
    return {"role": role, "metadata": "", "content": content, "image_at": image_at, "loss_weight": weight}


def _with_definitions(turns: list[Message], definitions: str) -> list[Message]:
    if turns and turns[0]["role"] == "system":
        system, *turns = turns
    else:
        system = {"role": "system", "metadata": "", "content": DEFAULT_SYSTEM, "image_at": [], "loss_weight": None}
    return [_between("", system, f"\n\n{definitions}"), *turns]


def _lines(tools: str) -> str:
    return "\n".join(json.dumps(tool, ensure_ascii=False) for tool in json.loads(tools))
