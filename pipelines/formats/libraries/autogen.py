"""Messages of AutoGen 0.4 and later: those that teams and agents of AgentChat exchange, and those of an agent's model context.

{"source": "user", "type": "TextMessage", "content": ...}                     a question; an answer where its source is a model
{"type": "ThoughtEvent", "content": ...}                                      what the model said beside the calls that follow, or its reasoning before a text
{"type": "ToolCallRequestEvent", "content": [{"id", "name", "arguments"}]}    calls
{"type": "ToolCallExecutionEvent", "content": [{"call_id", "content"}]}       a turn for each result
{"type": "ToolCallSummaryMessage", ...}, {"type": "HandoffMessage", ...}      left out after the results of the same source, from which the library wrote them

A source is a model if one of its messages has `models_usage` or calls, and a person if it is named so; a text of any other source refuses the record.
Source: microsoft/autogen python/packages/autogen-agentchat messages.py and agents/_assistant_agent.py, autogen-core models/_types.py, autogen-ext
models/openai/_message_transform.py (a thought beside calls is sent as their content), release 0.7.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.formats.libraries.rows import Row, objects, without
from pipelines.parsing.careful import clip

Json = Any
_CONTEXT = ("UserMessage", "AssistantMessage", "FunctionExecutionResultMessage")  # of a model
_CHAT = ("TextMessage", "MultiModalMessage", "ThoughtEvent", "ToolCallRequestEvent", "ToolCallExecutionEvent", "ToolCallSummaryMessage", "HandoffMessage")
_SILENT = ("UserInputRequestedEvent", "ModelClientStreamingChunkEvent", "SelectSpeakerEvent", "SelectorEvent")  # notes for those who watch a team
_SUMMARIES = ("ToolCallSummaryMessage", "HandoffMessage")
_PEOPLE = ("user", "human", "user_proxy")
_KEYS = ("type", "source", "content", "models_usage", "created_at", "id", "metadata")
_OF_LEFT = ("tool_calls", "results", "target", "context", "request_id", "full_message_id")  # of messages that are left out


def is_message(turn: Mapping[str, Json]) -> bool:
    return "content" in turn and (turn.get("type") in _CONTEXT or (turn.get("type") in (*_CHAT, *_SILENT) and type(turn.get("source")) is str))


def rows_of(messages: list[Json]) -> Iterator[Row]:
    """The turns of these messages, in order."""
    models = [
        message.get("source") for message in objects(messages) if message.get("models_usage") is not None or message.get("type") == "ToolCallRequestEvent"
    ]
    known = frozenset(source for source in models if type(source) is str)
    thoughts: dict[str, tuple[str, Json]] = {}  # source -> what it said before the message that comes
    ran: set[str] = set()  # sources whose last message had the results of their calls
    for i, message in enumerate(objects(messages)):
        where, kind, source = f"[{i}]", message.get("type"), message.get("source")
        if kind == "ThoughtEvent" and type(source) is str and source not in thoughts:
            thoughts[source] = where, message.get("content")
        elif kind in _SILENT:
            yield Row(where, left="event of AutoGen", rest=_rest(message))
        elif kind in _SUMMARIES and type(source) is str and source in ran and source not in thoughts and _is_plain(message):
            yield Row(where, left="text that AutoGen made of results", rest=_rest(message))
        else:
            if type(source) is str:
                (ran.add if kind == "ToolCallExecutionEvent" else ran.discard)(source)
            thought = thoughts.pop(source, None) if type(source) is str else None
            rows = list(_rows(message, where, known, thought and thought[1]))
            if thought is not None and (rows[0].turn is None or rows[0].turn["role"] != "assistant"):
                yield Row(thought[0], why="a thought is read only before a text or calls of the same source; leave it out", name="ThoughtEvent")
            yield from rows
    for where, _ in thoughts.values():
        yield Row(where, why="a thought is read only before a text or calls of the same source; leave it out", name="ThoughtEvent")


def _rows(message: Mapping[str, Json], where: str, models: frozenset[str], thought: Json) -> Iterator[Row]:
    """The turns of one message, at least one row."""
    kind, source, content = message.get("type"), message.get("source"), message.get("content")
    others = without(message, *_KEYS) | ({"metadata": message["metadata"]} if message.get("metadata") else {})
    named = {"name": source} if source is not None and source not in _PEOPLE else {}
    is_handoff = kind == "HandoffMessage" and not message.get("context")
    if kind == "SystemMessage":
        yield Row(where, others | {"role": "system", "content": content})
    elif kind == "UserMessage" or ((kind in ("TextMessage", "MultiModalMessage") or is_handoff) and source in _PEOPLE):
        if message.get("models_usage") is not None:
            yield Row(where, why=f"{clip(str(source))} is the name of a person, but the message has models_usage, as a model's have; name the model otherwise")
            return
        others.pop("target", None)
        others.pop("context", None)
        yield Row(where, others | named | {"role": "user", "content": _parts(content)})
    elif kind == "ToolCallRequestEvent" or (kind == "AssistantMessage" and isinstance(content, list)):
        said = thought if kind == "ToolCallRequestEvent" else others.pop("thought", None)
        yield Row(where, others | named | {"role": "assistant", "content": said, "tool_calls": content})
    elif kind == "AssistantMessage" or (kind == "TextMessage" and type(source) is str and source in models):
        reasoning = thought if kind == "TextMessage" else others.pop("thought", None)
        yield Row(where, others | named | {"role": "assistant", "content": content, "reasoning": reasoning})
    elif kind in ("ToolCallExecutionEvent", "FunctionExecutionResultMessage") and isinstance(content, list) and content:
        for k, result in enumerate(objects(content)):
            turn = without(result, "is_error") | (others if k == 0 else {}) | {"role": "tool"}
            yield (
                Row(f"{where}.content[{k}]", turn)
                if "content" in result
                else Row(f"{where}.content[{k}]", why="a result of AutoGen is an object with a content")
            )
    elif kind == "TextMessage":
        why = f"nothing says whether {clip(str(source))} is a model or a person: none of its messages has models_usage or calls; name people user, or log models_usage"
        yield Row(where, why=why)
    elif kind in _SUMMARIES:
        why = f"a {kind} is left out only if it is a text without a context, after results of the same source, which it repeats; write this one as a turn"
        yield Row(where, why=why, name=str(kind))
    else:
        yield Row(where, why=f"a message of type {clip(str(kind))} is not read; write it as a turn with a role", name=kind if type(kind) is str else "")


def _is_plain(message: Mapping[str, Json]) -> bool:
    return type(message.get("content")) is str and not message.get("context")


def _rest(message: Mapping[str, Json]) -> dict[str, Json]:
    """What a message that is left out has besides its text and the keys that the library writes."""
    return without(message, *_KEYS, *_OF_LEFT) | ({"metadata": message["metadata"]} if message.get("metadata") else {})


def _parts(content: Json) -> Json:
    """What was said, its pictures as content parts."""
    if not isinstance(content, list):
        return content
    return [{"type": "image", **item} if isinstance(item, dict) and "type" not in item and "data" in item else item for item in content]
