"""The pictures of a chat: those of its turns, and those of the record that marks in the text place."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any

from pipelines.formats.keys import IMAGES
from pipelines.reasons import Reason
from pipelines.records import Finding

Json = Any
# <image>, <image_00> of MiniCPM's dict form, Qwen-VL's <img>path</img>, and the tokens of Qwen2-VL, which name no picture.
_MARK = re.compile(r"<image(?:_\d+)?>|<img>[^<>\n]*</img>|<\|vision_start\|>(?:<\|image_pad\|>|\.)*<\|vision_end\|>")
_LABEL = re.compile(r"(?m)^Picture \d+:[ \t]*$")
SLOTS = ("image", "image_url", "input_image")  # types of parts that may only hold the place of a picture
_HISTORY = "image-history:"  # GUI-Odyssey's mark for earlier screens, which names no picture


class Pictures:
    """The pictures of a record under `images` or `image`: a list, one, or an object by mark. Each is taken once."""

    def __init__(self, record: Mapping[str, Json]) -> None:
        self.where = next((key for key in ("images", "image") if record.get(key)), "images")
        value = record.get(self.where)
        self.is_by_mark = isinstance(value, dict) and all(str(key).startswith("<image") for key in value)
        listed: list[Json] | dict[str, Json] = value if isinstance(value, list) or (isinstance(value, dict) and self.is_by_mark) else [value] if value else []
        self._left: OrderedDict[Json, Json] = OrderedDict(listed.items() if isinstance(listed, dict) else enumerate(listed))
        self._numbers: dict[str, deque[int]] = {}  # of the pictures by their path
        for number, picture in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(picture, str):
                self._numbers.setdefault(picture, deque()).append(number)

    @property
    def left(self) -> list[Json]:
        """The pictures that no mark has taken."""
        return list(self._left.values())

    def take(self, mark: str) -> Json:
        """The picture of a mark; None where there is none."""
        if mark.startswith("<img>"):
            path = mark[len("<img>") : -len("</img>")].strip()
            numbers = self._numbers.get(path)
            while numbers and self._left.pop(numbers.popleft(), None) is None:  # GUI-Odyssey names it twice
                pass
            return path
        if self.is_by_mark and (picture := self._left.pop(mark, None)):
            return picture
        return self._left.popitem(last=False)[1] if self._left and (mark == "<image>" or not self.is_by_mark) else None


def pictures_of(turn: Mapping[str, Json], text: str, listed: Pictures, where: str, faults: list[Finding]) -> list[Json]:
    """The pictures of a turn: its own, and those of the record at its marks."""
    found = own_pictures(turn)
    for part in _parts(turn):
        own = own_pictures(part)
        found += own if own or part.get("type") not in SLOTS else [listed.take("<image>")]
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


def own_pictures(holder: Mapping[str, Json]) -> list[Json]:
    """The pictures that a turn or a part has itself."""
    own = [value for key in IMAGES if (value := holder.get(key))]
    own += [holder["source"]] if holder.get("type") == "image" and isinstance(holder.get("source"), dict) else []
    found: list[Json] = []
    for value in own:
        found += value if isinstance(value, list) else [value.get("url", value) if isinstance(value, dict) else value]
    return found


def _parts(turn: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """The parts of a turn, with those of the results in it."""
    content = turn["content"] if turn.get("content") is not None else turn.get("value")
    parts: list[Mapping[str, Json]] = []
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, dict):
            parts += _parts(part) if part.get("type") == "tool_result" else [part]
    return parts


def without_marks(text: str) -> str:
    return _LABEL.sub("", _MARK.sub("", text))
