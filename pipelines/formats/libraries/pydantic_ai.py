"""Messages of PydanticAI, as `all_messages_json()` and `ModelMessagesTypeAdapter` write them: requests and responses of parts.

{"kind": "request", "parts": [{"part_kind": "user-prompt", "content": ...}], "instructions": ...}    a turn for each part
{"kind": "response", "parts": [{"part_kind": "text", ...}, {"part_kind": "tool-call", ...}]}          one answer

The model gets the instructions of its own request as a system text after the system prompts (before them in early releases). A retry that answers a call is that call's
result, as it is logged: without the words that the library puts around it, which are not in the log and change from version to version. Any other retry is refused, because it has no
place of its own.
Source: pydantic/pydantic-ai pydantic_ai_slim/pydantic_ai/messages.py, releases 0.8.1 and 2.68.0; `_get_instructions` of models/__init__.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.formats.libraries.rows import Row, objects, without
from pipelines.parsing.careful import clip

Json = Any
_KINDS = ("request", "response")
# Notes of the library about a message and about a part, which no model sees.
_OF_MESSAGE = (
    *("kind", "parts", "instructions", "timestamp", "usage", "model_name", "model_id", "provider_name", "provider_url", "canonical_system", "metadata"),
    *("provider_details", "provider_response_id", "vendor_details", "vendor_id", "run_id", "conversation_id", "state"),
)
_OF_PART = (
    *("part_kind", "timestamp", "dynamic_ref", "metadata", "id", "signature", "provider_name", "provider_details", "citations", "tool_kind"),
    *("outcome", "retry", "content_file_digests"),
)
_CALL, _RESULT = ("tool_name", "tool_call_id", "args"), ("tool_name", "tool_call_id", "content")
# Kind of part -> the keys that are read of it.
_READ = {
    "system-prompt": ("content", "scope", "context_id"),
    "user-prompt": ("content",),
    "text": ("content",),
    "thinking": ("content",),
    "tool-call": _CALL,
    "builtin-tool-call": _CALL,
    "tool-return": _RESULT,
    "retry-prompt": _RESULT,
    "builtin-tool-return": _RESULT,
}
_OF_FILE = ("kind", "content", "metadata", "url", "data", "media_type", "identifier", "force_download")
_FILES = {"image-url": "image_url", "video-url": "video_url", "audio-url": "audio_url"}
_OTHER_CONTENT = ("binary", "text-content", "cache-point", "document-url", "uploaded-file", "structured-content")
_READ_FILES = ("text", "image", "video", "audio", *_FILES.values())
_RESULTS = ("tool-return", "retry-prompt")
_SAYING = ("content", "args", "text", "thinking", "arguments", "input")  # keys of an answer's part that say something, each in its own kinds of part


def is_message(turn: Mapping[str, Json]) -> bool:
    return turn.get("kind") in _KINDS and isinstance(turn.get("parts"), list)


def rows_of(messages: list[Json]) -> Iterator[Row]:
    """The turns of these messages, in order."""
    system = _instructions(messages)
    for i, message in enumerate(messages):
        if not isinstance(message, dict) or not is_message(message):
            yield Row(f"[{i}]", why="a message of PydanticAI has the kind request or response, and a list of parts")
        elif message["kind"] == "response":
            yield _answer(message, f"[{i}]")
        else:
            others = without(message, *_OF_MESSAGE)
            for k, part in enumerate(objects(message["parts"])):
                if system is not None and part.get("part_kind") != "system-prompt":
                    yield system
                    system = None
                row = _asked(part, f"[{i}].parts[{k}]")
                if row.turn is not None and others:
                    row, others = row._replace(turn={**others, **row.turn}), {}
                yield row
            if system is not None:
                yield system
                system = None
            if others:
                yield Row(f"[{i}]", why=f"the key {clip(next(iter(others)))} of a request without a turn is not read; leave it out", name=next(iter(others)))


def _instructions(messages: list[Json]) -> Row | None:
    """The system text that every answer has besides its system prompts; None where there is none."""
    answered: list[int | None] = []
    last = None
    for i, message in enumerate(messages):
        if isinstance(message, dict) and message.get("kind") == "response":
            answered.append(last)
            last = None
        elif isinstance(message, dict) and message.get("instructions") is not None:
            last = i
    first = next((i for i in answered or [last] if i is not None), None)
    if first is None:
        return None
    texts = [None if i is None else messages[i]["instructions"] for i in answered]
    if any(text != texts[0] for text in texts):
        why = "answers of this record have different instructions, but a conversation has one system text; log each run as a record of its own"
        return Row(f"[{first}]", why=why, name="instructions")
    return Row(f"[{first}]", {"role": "system", "content": messages[first]["instructions"]})


def _asked(part: Mapping[str, Json], where: str) -> Row:
    kind, others = part.get("part_kind"), _others(part)
    if kind == "system-prompt":
        if part.get("context_id") is not None or part.get("scope") not in (None, "conversation"):
            name = "scope" if part.get("context_id") is None else "context_id"
            return Row(where, why=f"a system prompt with this {name} is not read: the model sees it in other words, or not always; log it without", name=name)
        return Row(where, {**others, "role": "system", "content": part.get("content")})
    if kind == "user-prompt":
        return Row(where, {**others, "role": "user", "content": _content(part.get("content"))})
    if kind in _RESULTS and part.get("tool_name") is not None:
        content = _content(part.get("content"))
        if content is not part.get("content") and not all(item.get("type") in _READ_FILES for item in content if isinstance(item, dict)):
            return Row(where, why="a result with a file that is no picture is not read; leave it out, or write it as text")
        return Row(where, {**others, "role": "tool", "name": part["tool_name"], "tool_call_id": part.get("tool_call_id"), "content": content})
    if kind in ("retry-prompt", "retry-feedback"):
        why = "a retry that answers no call is not read: its words, as the model saw them, are not in the log; leave such runs out"
        return Row(where, why=why, name=kind)
    return Row(where, why=f"a part of kind {clip(str(kind))} is not read in a request; write it as text", name=kind if type(kind) is str else "")


def _answer(message: Mapping[str, Json], where: str) -> Row:
    parts: list[Json] = []
    for k, part in enumerate(objects(message["parts"])):
        kind, others = part.get("part_kind"), _others(part)
        own: dict[str, Json] = {"type": kind} | others
        if type(kind) is str and kind in _READ and not others.keys().isdisjoint(_SAYING):
            key = next(key for key in _SAYING if key in others)
            return Row(f"{where}.parts[{k}]", why=f"a part of kind {kind} has no {key}; write it as a part of its own")
        if kind == "text":
            own["text"] = part.get("content")
        elif kind == "thinking":
            own["thinking"] = part.get("content")
        elif kind in ("tool-call", "builtin-tool-call"):
            own |= {"type": "tool_call", "id": part.get("tool_call_id"), "name": part.get("tool_name"), "arguments": part.get("args")}
        elif kind == "builtin-tool-return":
            own |= {"type": "tool_result", "tool_use_id": part.get("tool_call_id"), "name": part.get("tool_name"), "content": _content(part.get("content"))}
        else:
            return Row(f"{where}.parts[{k}]", why=f"a part of kind {clip(str(kind))} is not read in a response; leave it out, or write it as text")
        parts.append(own)
    end = {"finish_reason": "interrupted"} if message.get("state") not in (None, "complete") else {}
    return Row(where, without(message, *_OF_MESSAGE) | end | {"role": "assistant", "parts": parts})


def _others(part: Mapping[str, Json]) -> dict[str, Json]:
    """The keys of a part that are neither read nor notes of the library."""
    kind = part.get("part_kind")
    return without(part, *_OF_PART, *(_READ.get(kind, ()) if type(kind) is str else ()))


def _content(content: Json) -> Json:
    """What was said or given back, its files as content parts; anything else as it is."""
    if isinstance(content, dict) and _is_file(content):
        return [_file(content)]
    if isinstance(content, list) and any(isinstance(item, dict) and _is_file(item) for item in content):
        return [_file(item) if isinstance(item, dict) and _is_file(item) else item for item in content if not _is_mark(item)]
    return content


def _is_file(item: Mapping[str, Json]) -> bool:
    kind = item.get("kind")
    return isinstance(kind, str) and (kind in _FILES or kind in _OTHER_CONTENT)


def _is_mark(item: Json) -> bool:
    """Whether this marks where a provider may cache the prompt, and says nothing."""
    return isinstance(item, dict) and item.get("kind") == "cache-point"


def _file(item: Mapping[str, Json]) -> dict[str, Json]:
    kind, others = item["kind"], without(item, *_OF_FILE)
    if kind == "text-content":
        return {"type": "text", "text": item.get("content")}
    if kind in _FILES:
        return {**others, "type": _FILES[kind], "image_url": {"url": item.get("url")}}
    main = str(item.get("media_type")).partition("/")[0] if kind == "binary" else kind
    return {**others, "type": main, "data": item.get("data")}
