"""A response that is logged as the chunks of its stream -> the message that they make, as OpenAI's API joins them.

Texts are appended to each other, and the arguments of each call by its index; the role and the reason why the answer ended are those that a chunk has.
A stream without such a reason broke off: its answer is cut. Of several such reasons, the first that says so counts. What cannot be joined refuses the record.
Source: the reference of OpenAI's API, the chat completion chunk object; openai/openai-python src/openai/types/chat/chat_completion_chunk.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.formats.keys import Unread
from pipelines.formats.stops import Stop, stops_in
from pipelines.parsing.careful import clip
from pipelines.visible import counted

Json = Any
OBJECT, FINISH = "chat.completion.chunk", "finish_reason"
_OF_CHUNK = frozenset(("id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier", "obfuscation", "provider"))
_OF_CHOICE = frozenset(("index", "delta", "finish_reason", "logprobs", "native_finish_reason"))
_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")


def are_chunks(value: list[Json]) -> bool:
    """Whether these are chunks, at least one of which says so: Azure begins a stream with one that has no answer, and says nothing else either."""
    are_like = all(type(chunk) is dict and type(chunk.get("choices")) is list and chunk.get("object") in (OBJECT, "", None) for chunk in value)
    return are_like and any(chunk["object"] == OBJECT for chunk in value if "object" in chunk)


class _Stream:
    """What the chunks up to here have made: the texts by their keys, the calls by their indexes, and why the answer ended."""

    __slots__ = ("calls", "ended", "texts", "unread")

    def __init__(self, unread: Unread) -> None:
        self.unread = unread
        self.texts: dict[str, list[str]] = {}
        self.calls: dict[Json, dict[str, Json]] = {}
        self.ended = ""

    def refuse(self, where: str, value: Json, why: str) -> None:
        self.unread.add("record", "", where, value, why)


def message_of(chunks: list[dict[str, Json]], where: str, unread: Unread) -> dict[str, Json]:
    """The message that these chunks make."""
    stream = _Stream(unread)
    if len({chunk["id"] for chunk in chunks if isinstance(chunk.get("id"), str) and chunk["id"]}) > 1:
        stream.refuse(where, chunks, "the chunks are of several responses; keep those of one")
    for i, chunk in enumerate(chunks):
        unread.add_others("record", f"{where}[{i}]", chunk, (*_OF_CHUNK, "error"))
        if chunk.get("error"):
            stream.refuse(f"{where}[{i}].error", chunk["error"], "the request failed while it was streamed; leave it out")
        for k, choice in enumerate(chunk["choices"]):
            _add_choice(stream, choice, f"{where}[{i}].choices[{k}]")
    if not stream.ended and FINISH not in unread.ignored:
        unread.stops.append(Stop(where, "", "cut", is_of_turn=True, why=f"the stream has no {FINISH}"))
    message: dict[str, Json] = {"role": "assistant"} | ({FINISH: stream.ended} if stream.ended else {})
    message |= {key: "".join(parts) for key, parts in stream.texts.items()}
    return message | ({"tool_calls": [_call(call) for call in stream.calls.values()]} if stream.calls else {})


def _add_choice(stream: _Stream, choice: Json, where: str) -> None:
    if type(choice) is not dict or choice.get("index") not in (0, None):
        stream.refuse(where, choice, "of several answers to one question, only one can be read; keep the one to train on")
        return
    stream.unread.add_others("record", where, choice, (*_OF_CHOICE, "text"))
    delta = choice.get("delta")
    if choice.get("text") not in (None, "") or (delta is not None and type(delta) is not dict):
        stream.refuse(where, choice, "what a chunk adds is an object under delta; it has something else")
    given = {key: value for key, value in delta.items() if value is not None and key != "role"} if type(delta) is dict else {}
    if stream.ended and any(value not in ("", [], {}) for value in given.values()):
        stream.refuse(f"{where}.delta", delta, f"the answer goes on after its {FINISH}; keep the chunks of one answer")
    for key, value in given.items():
        if key in _TEXTS and type(value) is str:
            stream.texts.setdefault(key, []).append(value)
        elif key in _TEXTS:
            stream.refuse(f"{where}.delta.{key}", value, "a chunk of text is a text")
        elif key == "tool_calls" and type(value) is list:
            _add_calls(stream, value, f"{where}.delta")
        elif key == "function_call" and type(value) is dict:
            _add_calls(stream, [{"index": "function_call", "function": value}], f"{where}.delta")
        else:
            stream.unread.add_others("turn", f"{where}.delta", {key: value}, ())
    reason = choice.get(FINISH)
    if type(reason) is str and (not stream.ended or not any(stops_in(FINISH, stream.ended, ""))):
        stream.ended = reason


def _add_calls(stream: _Stream, deltas: list[Json], where: str) -> None:
    for delta in deltas:
        function = delta.get("function") if type(delta) is dict else None
        number = delta.get("index") if type(delta) is dict else None
        if type(function) is not dict or type(number) not in (int, str) or type(function.get("arguments") or "") is not str:
            why = f"a piece of a call needs its index and its function; of {counted(len(deltas), 'piece')}, one has none"
            stream.unread.add("record", where, "tool_calls", delta, why)
            continue
        stream.unread.add_others("call", f"{where}.tool_calls", function, ("name", "arguments"))
        call = stream.calls.setdefault(number, {"texts": []})
        call["texts"].append(function.get("arguments") or "")
        for key, value in (*delta.items(), ("name", function.get("name"))):
            if key in ("index", "function") or value in (None, ""):
                continue
            if call.setdefault(key, value) != value:
                stream.unread.add("record", where, "tool_calls", delta, f"two calls have the index {clip(str(number))}: one has another {clip(key)}")


def _call(call: Mapping[str, Json]) -> dict[str, Json]:
    rest = {key: value for key, value in call.items() if key not in ("texts", "name")}
    return {**rest, "function": {"name": call.get("name"), "arguments": "".join(call["texts"])}}
