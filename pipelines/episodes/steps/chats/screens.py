"""Where a chat may say how large its screens are: in the turn or the part that has the picture, in a tool, and in the text of a system message."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from pipelines.episodes.steps.chats.pictures import SLOTS, own_pictures
from pipelines.formats.keys import IMAGES

Json = Any
MOST_TOOLS = 100
Holder = tuple[str, Mapping[str, Json]]  # the place of an object, and the object
# "The screen's resolution is 1080x2400", as in Qwen's tools: AgentCPM-GUI eval/utils/qwen_mobile_tool.py @ acbaf50
_SAID = re.compile(
    r"\b(?:(?:screen|screenshot|display)(?:'s)? (?:resolution|size)|(?:resolution|size) of the (?:screen|screenshot|display))(?: is)?[:=]? "
    r"(\d{2,5}) ?[x×*] ?(\d{2,5})\b",
    re.IGNORECASE,
)
_OF_TOOLS = ("display_width_px", "display_height_px")  # of Anthropic's tool computer


def holders_of(turn: Mapping[str, Json], where: str, key: str) -> Iterator[Holder]:
    """The objects of a question that may have the size of its picture; `key` is that of its content."""
    yield where, turn
    yield from _of_pictures(turn, where)
    content = turn.get(key)
    for i, part in enumerate(content if isinstance(content, list) else ()):
        if isinstance(part, dict):
            place = f"{where}.{key}[{i}]"
            if part.get("type") == "tool_result":
                yield from holders_of({"content": part.get("content")}, place, "content")
            elif own_pictures(part) or part.get("type") in SLOTS:
                yield place, part
                yield from _of_pictures(part, place)


def _of_pictures(holder: Mapping[str, Json], where: str) -> Iterator[Holder]:
    for key in (*IMAGES, "source"):
        if isinstance(value := holder.get(key), dict):
            yield f"{where}.{key}", value


def said_of_all(record: Mapping[str, Json], system_texts: Mapping[str, str]) -> Iterator[Holder]:
    """What the tools of a chat and its system messages (place -> text) say of all its screens."""
    tools = record.get("tools")
    for i, tool in enumerate(tools[:MOST_TOOLS] if isinstance(tools, list) else ()):
        if isinstance(tool, dict) and (said := {key: tool[key] for key in _OF_TOOLS if key in tool}):
            yield f"tools[{i}]", said
    for where, text in system_texts.items():
        said = dict.fromkeys(f"{found[1]}x{found[2]}" for found in _SAID.finditer(text))
        yield from ((where, {"screen_resolution": size}) for size in islice(said, 2))
