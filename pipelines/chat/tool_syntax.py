"""Tool calls for models without a format of their own: calls, results and definitions become plain turns in a known spelling."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import groupby

from msgspec.structs import replace

from pipelines.records import Message

Syntax = Callable[[Sequence[Message], str | None], list[Message]]


def hermes(messages: Sequence[Message], tools: str | None) -> list[Message]:
    """As Qwen2.5 and later write it: <tools>, <tool_call> and <tool_response>. Source: Qwen/Qwen2.5-7B-Instruct chat template."""
    return _plain(messages, tools and _hermes_tools(tools), _hermes_call, lambda result: _between("<tool_response>\n", result, "\n</tool_response>"))


def as_json(messages: Sequence[Message], tools: str | None) -> list[Message]:
    """A call is the JSON object {"name", "arguments"} on a line of its own; a result is the next user turn as it stands."""
    return _plain(messages, tools and _json_tools(tools), _call, lambda result: result)


SYNTAXES: dict[str, Syntax] = {"hermes": hermes, "json": as_json}


def uses_tools(messages: Sequence[Message], tools: str | None) -> bool:
    return bool(tools) or any(message.metadata or message.role == "observation" for message in messages)


Write = Callable[[Message], Message]


def _plain(messages: Sequence[Message], definitions: str | None, call: Write, result: Write) -> list[Message]:
    turns: list[Message] = []
    for kind, run in groupby(messages, _kind):
        if kind == "call":
            _add_calls(turns, list(map(call, run)))
        elif kind == "observation":
            turns.append(_joined("user", list(map(result, run)), None))
        else:
            turns += run
    return _with_definitions(turns, definitions) if definitions else turns


def _kind(message: Message) -> str:
    return "call" if message.metadata else message.role


def _add_calls(turns: list[Message], calls: list[Message]) -> None:
    """Calls in a row are one turn, with the text that stood beside them unless one is trained and the other is not."""
    weight = _weight(calls)
    before = turns[-1] if turns and turns[-1].role == "assistant" else None
    if before is not None and (before.loss_weight == 0) == (weight == 0):
        calls = [turns.pop(), *calls]
    turns.append(_joined("assistant", calls, _weight(calls)))


def _weight(joined: Sequence[Message]) -> float | None:
    """The largest weight counts, so that a turn is trained if any part of it is; no weight is full weight, 1.

    >>> [_weight([Message("assistant", "", loss_weight=weight) for weight in weights]) for weights in ((0, None), (0.5, None), (0, 0.5), (0, 0))]
    [None, None, 0.5, 0]
    """
    return max((message.loss_weight for message in joined), key=lambda weight: 1.0 if weight is None else weight)


def _between(before: str, message: Message, after: str) -> Message:
    """The message's text between these two; its images stay at their places in the text."""
    return replace(message, content=f"{before}{message.content}{after}", image_at=tuple([len(before) + offset for offset in message.image_at]))


def _joined(role: str, messages: Sequence[Message], weight: float | None) -> Message:
    """One turn of these texts, each on a line of its own, with the images of all of them."""
    image_at: list[int] = []
    start = 0
    for message in messages:
        image_at += [start + offset for offset in message.image_at]
        start += len(message.content) + 1
    return Message(role, "\n".join([message.content for message in messages]), "", tuple(image_at), weight)


def _with_definitions(turns: list[Message], definitions: str) -> list[Message]:
    if turns and turns[0].role == "system":
        return [replace(turns[0], content=f"{turns[0].content}\n\n{definitions}"), *turns[1:]]
    return [Message("system", f"You are a helpful assistant.\n\n{definitions}"), *turns]


def _call(message: Message) -> Message:
    return _between(f'{{"name": {json.dumps(message.metadata, ensure_ascii=False)}, "arguments": ', message, "}")


def _hermes_call(message: Message) -> Message:
    return _between("<tool_call>\n", _call(message), "\n</tool_call>")


def _lines(tools: str) -> str:
    return "\n".join(json.dumps(tool, ensure_ascii=False) for tool in json.loads(tools))


def _hermes_tools(tools: str) -> str:
    return (
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        f"You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n{_lines(tools)}\n</tools>\n\n"
        "For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n"
        '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
    )


def _json_tools(tools: str) -> str:
    return f'You can call these functions. A call is a JSON object {{"name": ..., "arguments": ...}} on a line of its own.\n{_lines(tools)}'
