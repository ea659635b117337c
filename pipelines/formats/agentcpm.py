"""AgentCPM-GUI and MiniCPM-V: id, image (a path, or an object of `<image_00>` names), conversations of role/content.

Source: OpenBMB/AgentCPM-GUI sft/readme.md @ acbaf50, OpenBMB/MiniCPM-V finetune/readme.md @ 0dbb566.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.formats.logged import Json, Logged, read_turns, turns_key

SHAPE = '{"id", "image": path or {"<image_00>": path}, "conversations": [{"role", "content"}], "episode_id", "step_id"}'


def matches(record: Mapping[str, Json]) -> bool:
    """Whether this looks like a record of it: `conversations`, and nothing that only sharegpt has."""
    if "conversations" not in record:
        return False
    if "image" in record:
        return True
    turns = record["conversations"]
    has_from = isinstance(turns, list) and any(isinstance(turn, dict) and "from" in turn for turn in turns)
    return not (has_from or "images" in record or "tools" in record or "system" in record)


def read(record: Mapping[str, Json]) -> Logged:
    key = turns_key(record, "conversations", "messages")
    image = record.get("image")
    images, mark = image, "single"
    if isinstance(image, dict):
        # A single key <image> is the string form; upstream replaces it so.
        images, mark = (image["<image>"], "single") if list(image) == ["<image>"] else (image, "named")
    return Logged("agentcpm", record, read_turns(record, key), key, mark, images, record.get("tools"), record.get("system"))
