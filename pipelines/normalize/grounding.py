"""Boxes and names of objects in pictures, which ms-swift logs beside the turns: `objects` has them, and marks in the texts say where they belong.

{"ref": ["the icon"], "bbox": [[54, 120]], "bbox_type": "real"}     <ref-object> -> the icon     <bbox> -> (500,500)
A box is points of x and y: pixels of picture `image_id`, by default the first, or parts of its size (`bbox_type: norm1`). It is written in
thousandths of the picture's width and height, so pixels wait until the picture is verified. Boxes that no mark asks for, or marks without a box, refuse
the record. Source: modelscope/ms-swift swift/llm/template, normalize_bbox and replace_bbox, with norm_bbox norm1000.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from msgspec.structs import replace

from pipelines.formats.logged import Logged
from pipelines.normalize.findings import Findings
from pipelines.normalize.turns import Line
from pipelines.parsing.careful import parse_json
from pipelines.reasons import Reason, Reject
from pipelines.records import Box, Image, Message
from pipelines.visible import counted

_MARK = re.compile(r"<bbox>|<ref-object>")
_KEYS = frozenset(("ref", "bbox", "bbox_type", "image_id"))
MOST_POINTS = 16  # of a box


class _Objects(NamedTuple):
    names: list[str]
    boxes: list[list[float]]
    images: list[int]  # of each box
    is_relative: bool


def fill_objects(logged: Logged, lines: Sequence[Line], findings: Findings) -> tuple[Box, ...]:
    """Puts the names and boxes of `objects` in the place of their marks. Boxes in pixels stand as `<bbox 54,120>` until their pictures are verified;
    these are returned."""
    if not logged.objects:
        return ()
    ((key, value), *_) = logged.objects
    if value in ("", [], {}, "[]", "{}"):
        return ()
    given = _objects_of(value, findings)
    marks = [mark[0] for line in lines for mark in _MARK.finditer(line.text)]
    wrong = _fault(given, marks, sum(len(line.images) for line in lines))
    if given is None or wrong:
        findings.unread.add("record", "", key, value, wrong)
        return ()
    names, boxes = iter(given.names), iter(zip(given.boxes, given.images, strict=True))
    return tuple(box for i, line in enumerate(lines) if "<" in line.text for box in _filled(i, line, names, boxes, given.is_relative))


def _fault(given: _Objects | None, marks: list[str], pictures: int) -> str:
    """Why these objects cannot be put in the place of these marks; "" if they can."""
    if given is None:
        return "expected ref, a list of names, and bbox, a list of lists of x and y"
    boxes, names = marks.count("<bbox>"), marks.count("<ref-object>")
    if (boxes, names) != (len(given.boxes), len(given.names)):
        return f"<bbox> stands {boxes:,} times for {len(given.boxes):,} in bbox, <ref-object> {names:,} times for {len(given.names):,} in ref"
    if not given.is_relative and not all(0 <= image < pictures for image in given.images):
        return f"image_id is not the number of one of {counted(pictures, 'image')}, from 0"
    return ""


def _objects_of(value: Any, findings: Findings) -> _Objects | None:
    if isinstance(value, str):
        try:
            value = parse_json(value, findings.budget, [])
        except Reject:
            return None
    if not isinstance(value, dict) or not value.keys() <= _KEYS:
        return None
    names, boxes = value.get("ref") or [], value.get("bbox") or []
    images, kind = value.get("image_id") or [], value.get("bbox_type") or "real"
    most = 1.0 if kind == "norm1" else math.inf
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names) and isinstance(boxes, list) and all(_is_box(box, most) for box in boxes)):
        return None
    if kind not in ("real", "norm1") or not isinstance(images, list) or not all(type(image) is int for image in images):
        return None
    return _Objects(names, boxes, (images + [0] * len(boxes))[: len(boxes)], kind == "norm1")


def _is_box(value: Any, most: float) -> bool:
    even = isinstance(value, list) and 0 < len(value) <= 2 * MOST_POINTS and len(value) % 2 == 0
    return even and all(isinstance(number, (int, float)) and not isinstance(number, bool) and 0 <= number <= most and math.isfinite(number) for number in value)


def _filled(number: int, line: Line, names: Iterator[str], boxes: Iterator[tuple[list[float], int]], is_relative: bool) -> list[Box]:
    """Fills the marks of one line, which take the next names and boxes; the boxes that wait for a picture."""
    waiting: list[Box] = []
    pieces: list[str] = []
    moved: list[tuple[int, int]] = []  # (where a mark ended, how far what follows it moves)
    at = size = 0
    for mark in _MARK.finditer(line.text):
        size += mark.start() - at
        if mark[0] == "<ref-object>":
            text = next(names)
        else:
            box, image = next(boxes)
            text = _written(box, 1, 1) if is_relative else f"<bbox {','.join(map(json.dumps, box))}>"
            waiting += [] if is_relative else [Box(number, size, size + len(text), image, tuple(map(float, box)))]
        pieces += (line.text[at : mark.start()], text)
        size += len(text)
        at = mark.end()
        moved.append((at, size - at))
    if moved:
        line.text = "".join([*pieces, line.text[at:]])
        line.images = [(offset + next((by for end, by in reversed(moved) if end <= offset), 0), ref, where) for offset, ref, where in line.images]
    return waiting


def with_boxes(messages: Sequence[Message], boxes: Sequence[Box], images: Sequence[Image]) -> tuple[Message, ...]:
    """The messages with these boxes, which are in text order, written in thousandths of their pictures. Raises Reject for a box outside its picture."""
    made = list(messages)
    for number, group in groupby(boxes, key=lambda box: box.message):
        message = made[number]
        pieces: list[str] = []
        image_at = list(message.image_at)
        at = 0
        for box in group:
            image = images[box.image]
            if any(x > image.width or y > image.height for x, y in zip(box.numbers[::2], box.numbers[1::2], strict=True)):
                found = f"the box {', '.join(f'{one:g}' for one in box.numbers)} is not within its picture of {image.width} x {image.height} px"
                raise Reject(Reason.SCHEMA_FIELD_UNREAD.at("objects", found))
            text = _written(box.numbers, image.width, image.height)
            pieces += (message.content[at : box.start], text)
            at, by = box.end, len(text) - (box.end - box.start)
            image_at = [moved + by if offset >= box.end else moved for moved, offset in zip(image_at, message.image_at, strict=True)]
        made[number] = replace(message, content="".join([*pieces, message.content[at:]]), image_at=tuple(image_at))
    return tuple(made)


def _written(numbers: Sequence[float], width: int, height: int) -> str:
    """The points in thousandths, cut to integers.

    >>> _written([54, 120], 108, 240), _written([0.1, 0.2, 0.9, 1], 1, 1)
    ('(500,500)', '(100,200),(900,1000)')
    """
    return ",".join(f"({int(x / width * 1000)},{int(y / height * 1000)})" for x, y in zip(numbers[::2], numbers[1::2], strict=True))
