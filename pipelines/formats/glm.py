"""GLM-4: messages with metadata (the tool's name on a call), observation, tools on the system message, image on a message.

Source: THUDM/GLM-4 finetune/README.md @ f27a106.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.formats.logged import Json, Logged, read_turns, turns_key

SHAPE = '{"messages": [{"role": system|user|assistant|observation, "metadata", "content", "tools", "image"}]}'


def matches(record: Mapping[str, Json]) -> bool:
    """Whether a message has what only GLM logs have."""
    turns = record.get("messages")
    if not isinstance(turns, list):
        return False
    return any(isinstance(turn, dict) and _is_own(turn) for turn in turns)


_OWN = frozenset(("metadata", "tools", "image"))


def _is_own(turn: Mapping[str, Json]) -> bool:
    return turn.get("role") == "observation" or (not _OWN.isdisjoint(turn) and any(turn.get(key) is not None for key in _OWN))


def read(record: Mapping[str, Json]) -> Logged:
    key = turns_key(record, "messages", "conversations")
    images = record.get("images")
    mark = None if images is None else "list"
    return Logged("glm", record, read_turns(record, key), key, mark, images, record.get("tools"), record.get("system"))
