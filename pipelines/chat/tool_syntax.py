"""Tool calls for models without a format of their own: calls, results and definitions become plain turns in a common syntax.

The places of the syntax's own tags are recorded. Where the vocabulary has such a tag as a control token, the row gets the token there; the
same text in data stays text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from msgspec.structs import replace

from pipelines.chat.segments import TEMPLATE
from pipelines.chat.turns import Tags
from pipelines.records import Message


class Written(NamedTuple):
    """A plain turn, or part of one, with the tags that the syntax wrote into it, and the number of messages that it is made of."""

    message: Message
    tags: Tags = ()
    source_turns: int = 1


Syntax = Callable[[Sequence[Message], str | None], list[Written]]


def hermes(messages: Sequence[Message], tools: str | None) -> list[Written]:
    """As Qwen2.5 and later write it: <tools>, <tool_call> and <tool_response>. Source: Qwen/Qwen2.5-7B-Instruct chat template."""
    return _plain(
        messages,
        _hermes_tools(tools) if tools else None,
        lambda call: _tagged("tool_call", _call(call)),
        lambda result: _tagged("tool_response", Written(result)),
    )


def as_json(messages: Sequence[Message], tools: str | None) -> list[Written]:
    """A call is the JSON object {"name", "arguments"} on a line of its own. A result becomes a user turn, unchanged."""
    return _plain(messages, _json_tools(tools) if tools else None, _call, Written)


SYNTAXES: dict[str, Syntax] = {"hermes": hermes, "json": as_json}


def uses_tools(messages: Sequence[Message], tools: str | None) -> bool:
    return bool(tools) or any(message.metadata or message.role == "observation" for message in messages)


def places_of(written: Sequence[Written], places: Sequence[int]) -> list[int]:
    """The place of each turn's first message in the conversation, given the places of all messages; -1 for a turn that the syntax adds."""
    found: list[int] = []
    first = 0
    for one in written:
        found.append(places[first] if one.source_turns else TEMPLATE)
        first += one.source_turns
    return found


Write = Callable[[Message], Written]


def _plain(messages: Sequence[Message], definitions: Written | None, call: Write, result: Write) -> list[Written]:
    turns: list[Written] = []
    for kind, run in groupby(messages, _kind):
        if kind == "call":
            _add_calls(turns, list(map(call, run)))
        elif kind == "observation":
            turns.append(_joined("user", list(map(result, run)), None))
        else:
            turns += map(Written, run)
    return _with_definitions(turns, definitions) if definitions else turns


def _kind(message: Message) -> str:
    return "call" if message.metadata else message.role


def _add_calls(turns: list[Written], calls: list[Written]) -> None:
    """Consecutive calls become one turn, together with the text before them unless only one of the two is trained."""
    weight = _weight(calls)
    before = turns[-1].message if turns else None
    if before is not None and before.role == "assistant" and (before.loss_weight == 0) == (weight == 0):
        calls = [turns.pop(), *calls]
    turns.append(_joined("assistant", calls, _weight(calls)))


def _weight(joined: Sequence[Written]) -> float | None:
    """The largest weight, so that a turn is trained if any part of it is. No weight means full weight, 1."""
    return max((one.message.loss_weight for one in joined), key=lambda weight: 1.0 if weight is None else weight)


def _between(before: str, written: Written, after: str) -> Written:
    """The text with these two around it. Its images and tags keep their places in it."""
    message, start = written.message, len(before)
    moved = replace(message, content=f"{before}{message.content}{after}", image_at=tuple([start + offset for offset in message.image_at]))
    return Written(moved, _moved(written.tags, start), written.source_turns)


def _tagged(name: str, written: Written) -> Written:
    """The text on separate lines between the tags of this name."""
    opening, closing = f"<{name}>", f"</{name}>"
    message, tags, count = _between(f"{opening}\n", written, f"\n{closing}")
    return Written(message, ((0, opening), *tags, (len(message.content) - len(closing), closing)), count)


def _moved(tags: Tags, by: int) -> Tags:
    return tuple([(offset + by, tag) for offset, tag in tags])


def _joined(role: str, parts: Sequence[Written], weight: float | None) -> Written:
    """One turn of these texts, each on a line of its own, with the images and tags of all of them."""
    image_at: list[int] = []
    found: list[tuple[int, str]] = []
    start = 0
    for message, tags, _ in parts:
        image_at += [start + offset for offset in message.image_at]
        found += _moved(tags, start)
        start += len(message.content) + 1
    content = "\n".join([part.message.content for part in parts])
    return Written(Message(role, content, "", tuple(image_at), weight), tuple(found), sum(part.source_turns for part in parts))


def _with_definitions(turns: list[Written], definitions: Written) -> list[Written]:
    if turns and turns[0].message.role == "system":
        system, *turns = turns
    else:
        system = Written(Message("system", "You are a helpful assistant."), source_turns=0)
    content = f"{system.message.content}\n\n"
    message, tags, _ = _between(content, definitions, "")
    return [Written(replace(system.message, content=message.content), (*system.tags, *tags), system.source_turns), *turns]


def _call(message: Message) -> Written:
    return _between(f'{{"name": {json.dumps(message.metadata, ensure_ascii=False)}, "arguments": ', Written(message), "}")


def _lines(tools: str) -> str:
    return "\n".join(json.dumps(tool, ensure_ascii=False) for tool in json.loads(tools))


_HERMES_TOOLS = (
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n",
    "\n</tools>\n\n"
    "For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n"
    '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>',
)
_TAG = re.compile("</?tools>|</?tool_call>")


def _hermes_tools(tools: str) -> Written:
    before, after = _HERMES_TOOLS
    message, *_ = _between(before, Written(Message("system", _lines(tools))), after)
    return Written(message, (*_tags_of(before), *_moved(_tags_of(after), len(message.content) - len(after))))


def _tags_of(text: str) -> Tags:
    """The tags in a text that the syntax itself writes."""
    return tuple([(found.start(), found.group()) for found in _TAG.finditer(text)])


def _json_tools(tools: str) -> Written:
    lead = 'You can call these functions. A call is a JSON object {"name": ..., "arguments": ...} on a line of its own.'
    return Written(Message("system", f"{lead}\n{_lines(tools)}"))
