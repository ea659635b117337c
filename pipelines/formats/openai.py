"""OpenAI chat: messages; content as text, parts or null; tool_calls; tool results by id. Also LLaMA-Factory's v1 parts with a `value`.

Source: the chat completions message format; hiyouga/LLaMA-Factory v1 data converters @ v0.9.5 for `value`, `reasoning`, `loss_weight`.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.formats.logged import Json, Logged, read_turns, turns_key

SHAPE = '{"messages": [{"role": system|user|assistant|tool, "content": text, parts or null, "tool_calls", "tool_call_id"}], "tools"}'


def matches(record: Mapping[str, Json]) -> bool:
    return "messages" in record


def read(record: Mapping[str, Json]) -> Logged:
    key = turns_key(record, "messages", "conversations")
    images = record.get("images")
    mark = None if images is None else "list"
    return Logged("openai", record, read_turns(record, key), key, mark, images, record.get("tools"), record.get("system"))
