"""What an answer does on a screen, to draw it there: a tap, a swipe or a box, in px of the picture.

    {"POINT":[500,250]}            tap        {"POINT":[500,700],"to":"up"}           swipe in a direction
    click(start_box='(90,40)')     tap        drag(start=[1,2], end=[9,9])            swipe from a point to a point
    {"box":[90,40,120,60]}         box        (100,200),(900,1000)                    box of an object, as ms-swift logs it

The numbers may be px, thousandths or parts of the screen. Where the form of the action says which, or the source has a unit, that is how they are read;
otherwise as `episodes.checks.screens` reads them, and the label says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from typing import Any

from pipelines.episodes.checks.actions import Action, Point, action_of, points_of
from pipelines.episodes.checks.screens import Placed, best_unit
from pipelines.records import Image, Message

DIRECTIONS = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}
REACH = 0.18  # of the longer side: the arrow of a swipe whose end is not logged
FEW = 4  # points, which say too little to read numbers as thousandths that fit as px
MOST_OBJECT = 100  # characters of a text that is nothing but a point or a box
MOST_ANSWERS = 64  # of a row
UNITS = {"unit": 1, "thousand": 1000, "px": None}
UNIT_NAMES = {1: "parts of the screen", 1000: "thousandths of the screen", None: "pixels"}
_BOXES = frozenset(("box", "bbox", "bbox_2d", "bounding_box"))
_DIRECTION = re.compile(r"direction\s*[=:]\s*[\"']?(up|down|left|right)\b", re.IGNORECASE)
_OBJECT = re.compile(r"\W*\((\d{1,4}),\s?(\d{1,4})\)(?:,\s?\((\d{1,4}),\s?(\d{1,4})\))?\W*")


@dataclass(frozen=True, slots=True)
class Gesture:
    """A tap at (x, y); or from there to (to_x, to_y) a swipe, or the opposite corner of a box. In px of the picture. What is outside is not drawn."""

    kind: str  # tap | swipe | box | outside
    x: float
    y: float
    to_x: float = 0
    to_y: float = 0
    label: str = ""

    def head(self, size: float) -> str:
        """The tip of a swipe's arrow, as the points of an SVG polygon; `size` is its length."""
        length = hypot(self.to_x - self.x, self.to_y - self.y) or 1
        along_x, along_y = (self.to_x - self.x) / length * size, (self.to_y - self.y) / length * size
        back_x, back_y = self.to_x - along_x, self.to_y - along_y
        corners = ((self.to_x, self.to_y), (back_x - along_y / 2, back_y + along_x / 2), (back_x + along_y / 2, back_y - along_x / 2))
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)


def gestures_on(answers: Sequence[tuple[str, Mapping[str, Any]]], unit: str = "") -> list[tuple[Gesture, ...]]:
    """For each answer (its text, the element of column `images` that it acts on) what it does there. `unit`: px, unit or thousand; "" if not known."""
    screens = [Image(image["uri"], "", "", image["width"], image["height"]) for _, image in answers]
    actions = [action_of(Message("assistant", text)) for text, _ in answers]
    points = [_points(text, action) for (text, _), action in zip(answers, actions, strict=True)]
    open_ones = [Placed(0, point, screen, ()) for found, screen in zip(points, screens, strict=True) for point in found if not point.in_thousand]
    is_known = unit in UNITS
    reading = UNITS[unit] if is_known else _unit_of(open_ones)
    return [tuple(_drawn(found, screen, action, reading, is_known)) if found else () for found, screen, action in zip(points, screens, actions, strict=True)]


def _unit_of(placed: Sequence[Placed]) -> int | None:
    """As the checks read these points; but px where one is over 1000, and where they are few and fit into their screens as px."""
    if not placed or any(max(one.point[:2]) > 1000 for one in placed):
        return None
    if len(placed) < FEW and all(max(one.point[:2]) > 1 and _is_on(one.point.x, one.point.y, one.screen) for one in placed):
        return None
    return best_unit(placed)


def _is_on(x: float, y: float, screen: Image) -> bool:
    return 0 <= x <= screen.width and 0 <= y <= screen.height


def _points(text: str, action: Action) -> list[Point]:
    """The points of an action, and the corners of a box; or if the whole text is a point or a box of an object, that, which is in thousandths."""
    fields = action.fields or {}
    for box in (value for key, value in fields.items() if key.lower() in _BOXES):
        if isinstance(box, list) and len(box) == 4 and all(type(number) in (int, float) for number in box):
            return [Point(float(x), float(y), is_corner=True) for x, y in (box[:2], box[2:])]
    if found := points_of(action):
        return found
    whole = _OBJECT.fullmatch(text) if len(text) <= MOST_OBJECT else None
    if whole is None:
        return []
    numbers = [float(number) for number in whole.groups() if number is not None]
    return [Point(x, y, in_thousand=True, is_corner=len(numbers) == 4) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]


def _drawn(points: Sequence[Point], screen: Image, action: Action, reading: int | None, is_known: bool) -> Iterator[Gesture]:
    placed = [_place(point, screen, reading) for point in points]
    units = {_unit_words(1000 if point.in_thousand else reading, is_known or point.in_thousand) for point in points}
    named, units_named = [f"({point.x:g}, {point.y:g})" for point in points], ", ".join(sorted(units))
    way = _direction(action)
    if not all(_is_on(x, y, screen) for x, y in placed):  # never moved to the edge
        yield Gesture("outside", *placed[0], label=f"{' and '.join(named)} is outside the picture, {units_named}")
        return
    i = 0
    while i < len(points):
        (x, y), follows = placed[i], i + 1 < len(points)
        if follows and points[i].is_corner and points[i + 1].is_corner:
            yield Gesture("box", *_corners(placed[i], placed[i + 1]), label=f"box {named[i]} to {named[i + 1]}, {units_named}")
            i += 2
        elif follows and len(points) == 2:
            yield Gesture("swipe", x, y, *placed[i + 1], label=f"swipe from {named[i]} to {named[i + 1]}, {units_named}")
            i += 2
        elif way:
            reach = REACH * max(screen.width, screen.height)
            yield Gesture("swipe", x, y, x + reach * DIRECTIONS[way][0], y + reach * DIRECTIONS[way][1], f"swipe {way} from {named[i]}, {units_named}")
            i += 1
        else:
            yield Gesture("tap", x, y, label=f"tap at {named[i]}, {units_named}")
            i += 1


def _place(point: Point, screen: Image, reading: int | None) -> tuple[float, float]:
    unit = 1000 if point.in_thousand else reading
    return (point.x, point.y) if unit is None else (point.x * screen.width / unit, point.y * screen.height / unit)


def _corners(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float, float, float]:
    (left, right), (top, bottom) = (sorted(pair) for pair in zip(first, second, strict=True))
    return left, top, right, bottom


def _unit_words(unit: int | None, is_known: bool) -> str:
    return ("in " if is_known else "read as ") + UNIT_NAMES[unit]


def _direction(action: Action) -> str:
    """up, down, left, right, or ""."""
    fields = action.fields or {}
    for source in (fields, *(value for value in fields.values() if isinstance(value, dict))):
        for key in ("to", "direction", "scroll_direction", "swipe_direction"):
            value = source.get(key)
            if isinstance(value, str) and value.lower() in DIRECTIONS:
                return value.lower()
    found = _DIRECTION.search(action.text) if action.fields is None else None
    return found[1].lower() if found else ""
