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
    return _plain(messages, tools and _hermes_tools(tools), _hermes_calls, lambda text: f"<tool_response>\n{text}\n</tool_response>")


def as_json(messages: Sequence[Message], tools: str | None) -> list[Message]:
    """A call is the JSON object {"name", "arguments"} on a line of its own; a result is the next user turn as it stands."""
    return _plain(messages, tools and _json_tools(tools), lambda calls: "\n".join(map(_call, calls)), lambda text: text)


SYNTAXES: dict[str, Syntax] = {"hermes": hermes, "json": as_json}


def uses_tools(messages: Sequence[Message], tools: str | None) -> bool:
    return bool(tools) or any(message.metadata or message.role == "observation" for message in messages)


def _plain(messages: Sequence[Message], definitions: str | None, calls: Callable[[list[Message]], str], result: Callable[[str], str]) -> list[Message]:
    turns: list[Message] = []
    for kind, run in groupby(messages, _kind):
        group = list(run)
        if kind == "call":
            _join_call(turns, calls(group), group)
        elif kind == "observation":
            turns.append(_results(group, result))
        else:
            turns += group
    return _with_definitions(turns, definitions) if definitions else turns


def _kind(message: Message) -> str:
    return "call" if message.metadata else message.role


def _join_call(turns: list[Message], text: str, calls: Sequence[Message]) -> None:
    """The text that stood beside the calls and the calls are one turn; it is trained if any of its calls is, by the first's weight."""
    weight = max((call.loss_weight for call in calls if call.loss_weight is not None), default=None)
    before = turns[-1] if turns and turns[-1].role == "assistant" else None
    if before is not None and (before.loss_weight == 0) == (weight == 0):
        turns[-1] = replace(before, content=f"{before.content}\n{text}")
    else:
        turns.append(Message("assistant", text, loss_weight=weight))


def _results(group: Sequence[Message], result: Callable[[str], str]) -> Message:
    """Results in a row are one user turn; images keep their places in it."""
    content = ""
    image_at: list[int] = []
    for message in group:
        text = result(message.content)
        start = len(content) + (1 if content else 0) + text.index(message.content)
        content = f"{content}\n{text}" if content else text
        image_at += [start + offset for offset in message.image_at]
    return Message("user", content, image_at=tuple(image_at))


def _with_definitions(turns: list[Message], definitions: str) -> list[Message]:
    if turns and turns[0].role == "system":
        return [replace(turns[0], content=f"{turns[0].content}\n\n{definitions}"), *turns[1:]]
    return [Message("system", f"You are a helpful assistant.\n\n{definitions}"), *turns]


def _call(message: Message) -> str:
    return f'{{"name": {json.dumps(message.metadata, ensure_ascii=False)}, "arguments": {message.content}}}'


def _hermes_calls(calls: list[Message]) -> str:
    return "\n".join(f"<tool_call>\n{_call(call)}\n</tool_call>" for call in calls)


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
