"""ShareGPT as LLaMA-Factory reads it: conversations of from/value (or role/content), tools as JSON text or list, images, system.

Source: hiyouga/LLaMA-Factory data/README.md @ v0.9.5. The same fields under `messages` are its mllm_demo form.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.formats.logged import Json, Logged, read_turns, turns_key

SHAPE = '{"conversations": [{"from": human|gpt|system|function_call|observation, "value"}], "tools", "images": [path], "system"}'


def matches(record: Mapping[str, Json]) -> bool:
    return "conversations" in record or ("messages" in record and "images" in record)


def read(record: Mapping[str, Json]) -> Logged:
    key = turns_key(record, "conversations", "messages")
    images = record["images"] if "images" in record else record.get("image")
    return Logged("sharegpt", record, read_turns(record, key), key, "list", images, record.get("tools"), record.get("system"))
