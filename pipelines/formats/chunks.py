"""A response that is logged as the chunks of its stream -> the message that they make, as OpenAI's API joins them.

Texts are appended to each other, and the arguments of each call by its index; the role and the reason why the answer ended are those that a chunk has.
A stream without such a reason broke off: its answer is cut. What cannot be joined is counted as unread, or refuses the record.
Source: the reference of OpenAI's API, the chat completion chunk object; openai/openai-python src/openai/types/chat/chat_completion_chunk.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.formats.keys import Unread
from pipelines.visible import counted

Json = Any
OBJECT = "chat.completion.chunk"
_OF_CHUNK = frozenset(("id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier", "obfuscation", "provider"))
_OF_CHOICE = frozenset(("index", "delta", "finish_reason", "logprobs", "native_finish_reason"))
_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")


def are_chunks(value: list[Json]) -> bool:
    """Whether these are chunks, at least one of which says so: Azure begins a stream with one that has no answer, and says nothing else either."""
    are_like = all(type(chunk) is dict and type(chunk.get("choices")) is list and chunk.get("object") in (OBJECT, "", None) for chunk in value)
    return are_like and any(chunk["object"] == OBJECT for chunk in value if "object" in chunk)


def message_of(chunks: list[dict[str, Json]], where: str, unread: Unread) -> dict[str, Json]:
    """The message that these chunks make."""
    texts: dict[str, list[str]] = {}
    calls: dict[Json, dict[str, Json]] = {}
    message: dict[str, Json] = {"role": "assistant", "truncated": True}
    if len({chunk["id"] for chunk in chunks if isinstance(chunk.get("id"), str) and chunk["id"]}) > 1:
        unread.add("record", "", where, chunks, "the chunks are of several responses; keep those of one")
    for i, chunk in enumerate(chunks):
        unread.add_others("record", f"{where}[{i}]", chunk, _OF_CHUNK)
        for k, choice in enumerate(chunk["choices"]):
            place = f"{where}[{i}].choices[{k}]"
            if type(choice) is not dict or choice.get("index") not in (0, None):
                unread.add("record", "", place, choice, "of several answers to one question, only one can be read; keep the one to train on")
                continue
            unread.add_others("record", place, choice, _OF_CHOICE)
            if type(choice.get("finish_reason")) is str:
                message["finish_reason"] = choice["finish_reason"]
                message.pop("truncated", None)
            delta = choice.get("delta")
            for key, value in delta.items() if type(delta) is dict else ():
                if value is None or key == "role":
                    continue
                if key in _TEXTS and type(value) is str:
                    texts.setdefault(key, []).append(value)
                elif key == "tool_calls" and type(value) is list:
                    _add_calls(calls, value, f"{place}.delta", unread)
                elif key == "function_call" and type(value) is dict:
                    _add_calls(calls, [{"index": "function_call", "function": value}], f"{place}.delta", unread)
                else:
                    unread.add_others("turn", f"{place}.delta", {key: value}, ())
    return message | {key: "".join(parts) for key, parts in texts.items()} | ({"tool_calls": [_call(call) for call in calls.values()]} if calls else {})


def _add_calls(calls: dict[Json, dict[str, Json]], deltas: list[Json], where: str, unread: Unread) -> None:
    for delta in deltas:
        function = delta.get("function") if type(delta) is dict else None
        number = delta.get("index") if type(delta) is dict else None
        if type(function) is not dict or type(number) not in (int, str) or type(function.get("arguments") or "") is not str:
            unread.add(
                "record", where, "tool_calls", delta, f"a piece of a call needs its index and its function; of {counted(len(deltas), 'piece')}, one has none"
            )
            continue
        call = calls.setdefault(number, {"texts": []})
        call["texts"].append(function.get("arguments") or "")
        for key, value in (*delta.items(), ("name", function.get("name"))):
            if key not in ("index", "function") and value not in (None, ""):
                call.setdefault(key, value)


def _call(call: Mapping[str, Json]) -> dict[str, Json]:
    rest = {key: value for key, value in call.items() if key not in ("texts", "name")}
    return {**rest, "function": {"name": call.get("name"), "arguments": "".join(call["texts"])}}
