"""Exports of ChatGPT: a tree of messages under `mapping`, of which the branch that ends at `current_node` is the conversation.

A message whose content is text becomes a turn. Any other, such as code that was run or a picture, stays as it is logged, and refuses the record by its place.
Source: conversations.json of an export of chatgpt.com.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.formats.keys import Unread

Json = Any


def unfold_export(record: Mapping[str, Json], unread: Unread) -> dict[str, Json] | None:
    """The record with the turns of its last branch under `conversation`; None where it is no such export."""
    mapping, last = record.get("mapping"), record.get("current_node")
    if not isinstance(mapping, dict) or not isinstance(last, str) or not isinstance(mapping.get(last), dict):
        return None
    branch: list[str] = []
    seen: set[str] = set()
    node: Json = last
    while isinstance(node, str) and node not in seen and isinstance(mapping.get(node), dict):
        branch.append(node)
        seen.add(node)
        node = mapping[node].get("parent")
    if len(mapping) > len(branch):
        unread.counts["record.mapping (other branches)"] += len(mapping) - len(branch)
    messages = [message for node in reversed(branch) if isinstance(message := mapping[node].get("message"), dict)]
    turns = [_turn(message) for message in messages if not _is_blank(message)]
    return {key: value for key, value in record.items() if key not in ("mapping", "current_node")} | {"conversation": turns}


def _turn(message: Mapping[str, Json]) -> dict[str, Json]:
    author, content = message.get("author"), message.get("content")
    role = author.get("role") if isinstance(author, dict) else author
    texts = _texts(content)
    is_said = texts is not None and role in ("system", "user", "assistant") and message.get("recipient") in (None, "all")
    return {"role": role, "content": "".join(texts) if is_said and texts is not None else content}


def _texts(content: Json) -> list[str] | None:
    if not isinstance(content, dict) or content.get("content_type") != "text":
        return None
    parts = content.get("parts")
    return parts if isinstance(parts, list) and all(isinstance(part, str) for part in parts) else None


def _is_blank(message: Mapping[str, Json]) -> bool:
    """Whether nothing is said: the tree begins with messages of the system that are empty or hidden."""
    texts = _texts(message.get("content"))
    return texts is not None and not "".join(texts).strip()
