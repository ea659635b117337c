"""The pictures of a chat: those of its turns, and those of the record that marks in the text place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipelines.formats.keys import IMAGES
from pipelines.reasons import Reason
from pipelines.records import Finding

Json = Any
# <image>, <image_00> of MiniCPM's dict form, Qwen-VL's <img>path</img>, and the tokens of Qwen2-VL, which name no picture.
_MARK = re.compile(r"<image(?:_\d+)?>|<img>[^<>\n]*</img>|<\|vision_start\|>(?:<\|image_pad\|>|\.)*<\|vision_end\|>")
_LABEL = re.compile(r"(?m)^Picture \d+:[ \t]*$")
_SLOTS = ("image", "image_url", "input_image")  # types of parts that may only hold the place of a picture
_HISTORY = "image-history:"  # GUI-Odyssey's mark for earlier screens, which names no picture


class Pictures:
    """The pictures of a record under `images` or `image`: a list, one, or an object by mark."""

    def __init__(self, record: Mapping[str, Json]) -> None:
        self.where = next((key for key in ("images", "image") if record.get(key)), "images")
        value = record.get(self.where)
        self.by_mark = dict(value) if isinstance(value, dict) and all(str(key).startswith("<image") for key in value) else {}
        self.left: list[Json] = [] if self.by_mark else list(value) if isinstance(value, list) else [value] if value else []

    def take(self, mark: str) -> Json:
        """The picture of a mark; None where there is none."""
        if mark.startswith("<img>"):
            path = mark[len("<img>") : -len("</img>")].strip()
            if path in self.left:
                self.left.remove(path)  # GUI-Odyssey names it twice
            return path
        if self.by_mark:
            return self.by_mark.pop(mark, None) or (self.by_mark.pop(next(iter(self.by_mark))) if mark == "<image>" and self.by_mark else None)
        return self.left.pop(0) if self.left else None


def pictures_of(turn: Mapping[str, Json], text: str, listed: Pictures, where: str, faults: list[Finding]) -> list[Json]:
    """The pictures of a turn: its own, and those of the record at its marks."""
    found: list[Json] = []
    for part in _parts(turn):
        own = [value for key in IMAGES if (value := part.get(key))]
        own += [part["source"]] if part.get("type") == "image" and isinstance(part.get("source"), dict) else []
        if not own and part.get("type") in _SLOTS:
            own = [listed.take("<image>")]
        for value in own:
            found += value if isinstance(value, list) else [value.get("url", value) if isinstance(value, dict) else value]
    if found:
        if None in found:
            faults.append(Reason.IMAGE_COUNT_MISMATCH.at(where, "a part of this turn has no picture"))
        return [one for one in found if one is not None]
    for mark in _MARK.findall(text):
        if mark.startswith("<|") or _HISTORY in mark:
            continue
        picture = listed.take(mark)
        if picture is None:
            faults.append(Reason.IMAGE_COUNT_MISMATCH.at(where, f"the mark {mark} has no picture"))
        else:
            found.append(picture)
    return found


def _parts(turn: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """The parts of a turn, with those of the results in it; the turn itself where it has none."""
    content = turn.get("content")
    if not isinstance(content, list):
        return [turn]
    parts: list[Mapping[str, Json]] = []
    for part in content:
        if isinstance(part, dict):
            inner = part.get("content") if part.get("type") == "tool_result" else None
            parts += [one for one in inner if isinstance(one, dict)] if isinstance(inner, list) else [part]
    return parts


def without_marks(text: str) -> str:
    return _LABEL.sub("", _MARK.sub("", text))
