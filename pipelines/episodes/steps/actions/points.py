"""The points of an action as logs write them: [x, y], an object, two keys, a box, a rectangle, a text of these."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pipelines.episodes.steps.data_sets.keys import LOOSE, POINT, RECTS, SECOND, SIZED_POINT
from pipelines.parsing.careful import clip, kind_of
from pipelines.reasons import Reason, Reject
from pipelines.records import Point

Json = Any
NOWHERE = (Point(-1, -1), Point(-100, -100))  # what AITW and GUI-R1 write where an action has no place
_SIDES = frozenset(("width", "height", "w", "h"))
_NUMBER = re.compile(r"-?(?:\d++\.?+\d*+|\.\d++)(?:[eE][-+]?\d++)?")
_TAG = re.compile(r"</?[\w|]++>")
_WORDS = re.compile(r"[^\s()\[\]{},;:=|'\"xyXY]")
_TIME = re.compile(r"\d:\d")
_UNITS = re.compile(r"px|pixels?|%")
MOST_LETTERS = 200  # of a text with numbers


def number_of(value: Json) -> float | None:
    """0 where there is none, None where it is no number. GUIAct writes numbers as text."""
    if value in (None, ""):
        return 0
    if isinstance(value, str):
        value = float(value) if len(value) < MOST_LETTERS and _NUMBER.fullmatch(value.strip()) else None
    return float(value) if is_number(value) else None


class _Place(NamedTuple):
    """A place that is logged: the key or keys, the point, and the box (left, top, right, bottom) whose centre it is."""

    name: str
    point: Point
    box: tuple[float, float, float, float] | None = None


def logged_point(
    fields: Mapping[str, Json],
    keys: Iterable[str],
    pairs: Iterable[tuple[str, str]],
    order: str,
    where: str,
    takes_two: bool = False,
    is_end: bool = False,
    is_needed: bool = True,
) -> Point | None:
    """The point under these keys, or under these pairs of keys; None where there is none. All that have one must agree, and of a box and a point in it the
    point counts. `takes_two`: one key may have both points of a gesture, from its beginning to its end. Where no place `is_needed`, what
    is plainly something else is no fault. Raises Reject."""
    places = [*_pairs(fields, pairs, where), *(() if is_end else _rects(fields, where))]
    places += _listed(fields, keys, order, where, takes_two, is_end, bool(places) or keys is SECOND, is_needed)
    if not places:
        return None
    meant = next((place for place in places if place.box is None), places[0])
    for other in places:
        if not _agree(meant, other):
            said = " and ".join(f"{place.name} ({place.point.x:g}, {place.point.y:g})" for place in (meant, other))
            raise Reject(Reason.STEP_ACTION_BAD.at(where, f"two places are logged, {said}; name the key in ignore that does not count"))
    return meant.point


def _pairs(fields: Mapping[str, Json], pairs: Iterable[tuple[str, str]], where: str) -> Iterator[_Place]:
    for x, y in pairs:
        if fields.get(x) is not None or fields.get(y) is not None:
            place = _Place(f"{x}, {y}", point_of([fields.get(x), fields.get(y)], "xy", where))
            if place.point not in NOWHERE:
                yield place


def _rects(fields: Mapping[str, Json], where: str) -> Iterator[_Place]:
    """The elements that the beginning of a gesture is on. Four numbers under another key than the first may be two corners."""
    for key in RECTS:
        value = fields.get(key)
        if value is not None and (key == RECTS[0] or (isinstance(value, dict) and value.keys() & _SIDES)):
            yield _place(key, value, "xy", where, is_rect=True)


def _listed(
    fields: Mapping[str, Json], keys: Iterable[str], order: str, where: str, takes_two: bool, is_end: bool, found: bool, is_needed: bool
) -> Iterator[_Place]:
    """The places under single keys. Under some, a text or an object may describe an element; such a value is a fault only where no other key has a place
    and the action needs one, or where it may be a place. `found` says whether one was found before."""
    bad: Reject | None = None
    for key in POINT if takes_two else ():
        value: Json = fields.get(key)
        if _is_gesture(value):
            found = True
            yield _place(key, value[1 if is_end else 0], order, where)
    for key in keys:
        value = fields.get(key)
        if value in (None, [], "") or (takes_two and _is_gesture(value)):
            continue
        if isinstance(value, str) and not _NUMBER.search(value):  # describes an element
            continue
        try:
            place = _place(key, value, order, where)
        except Reject as reject:
            if key not in LOOSE or isinstance(value, (list, tuple)):
                raise
            bad = bad or (reject if is_needed or not is_no_place(value) else None)
            continue
        found = True
        if place.point not in NOWHERE:
            yield place
    if bad is not None and not found:
        raise bad


def is_no_place(value: Json) -> bool:
    """Whether this is plainly something else than a place: a name, a number, a time, the path of a file, an object with at most one number.

    >>> [is_no_place(value) for value in ("Room 5", "/data/1/2.png", 1712.5, {"id": 3}, "50%, 80%", {"left": 1, "top": 2}, [1, 2, 3])]
    [True, True, True, True, False, False, False]
    """
    if isinstance(value, dict):
        is_part = bool(value.keys() & {"x", "y", "related"}) or any(isinstance(one, (dict, list)) for one in value.values())
        return not is_part and sum(map(is_number, value.values())) < 2
    if isinstance(value, str):
        bare = _UNITS.sub("", value) if len(value) < MOST_LETTERS else ""
        return not _is_place(bare) or len(_NUMBER.findall(bare)) < 2
    return not isinstance(value, (list, tuple))


def _agree(one: _Place, other: _Place) -> bool:
    if other.box is not None and one.box is None:
        left, top, right, bottom = other.box
        slack = _slack(one.point, Point(right, bottom))
        return left - slack <= one.point.x <= right + slack and top - slack <= one.point.y <= bottom + slack
    slack = _slack(one.point, other.point)
    return abs(one.point.x - other.point.x) <= slack and abs(one.point.y - other.point.y) <= slack


def _slack(*points: Point) -> float:
    """By how much a number may be rounded: to the third digit after the point from 0 to 1, and to whole numbers beyond."""
    return 0.001 if all(0 <= value <= 1 for point in points for value in point) else 1.0


def _is_gesture(value: Json) -> bool:
    """Whether this is two points: where a gesture begins and where it ends."""
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(isinstance(one, (list, tuple, dict)) for one in value)


def point_of(value: Json, order: str, where: str) -> Point:
    """The point in [x, y], [y, x], a box of four numbers (its centre), an object (with a width and a height a box too), or a text of these; also in a
    list of one point, or of the same point twice. Raises Reject for anything else."""
    return _place("", value, order, where).point


def _place(name: str, value: Json, order: str, where: str, is_rect: bool = False) -> _Place:
    """`is_rect`: four numbers are the left side, the top, the width and the height, and not two corners."""
    if isinstance(value, dict) and "related" in value:  # GUIAct has both units
        value = value["related"]
    if isinstance(value, dict) and name == SIZED_POINT:
        value = [value.get("width"), value.get("height")]
    if isinstance(value, dict):
        if not is_rect and not value.keys() & _SIDES:
            return _Place(name, Point(*_numbers([value.get("x"), value.get("y")], (2,), where)))
        value = [value.get("x"), value.get("y"), value.get("width", value.get("w")), value.get("height", value.get("h"))]
        is_rect, order = True, "xy"
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], (list, tuple)) and all(one == value[0] for one in value):
        value = value[0]
    numbers = _numbers(value, (4,) if is_rect else (2, 4), where)
    if len(numbers) == 2:
        return _Place(name, Point(*numbers) if order == "xy" else Point(numbers[1], numbers[0]))
    left, top, right, bottom = numbers if order == "xy" else (numbers[1], numbers[0], numbers[3], numbers[2])
    if is_rect:
        right, bottom = left + right, top + bottom
    corners = (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
    return _Place(name, Point((left + right) / 2, (top + bottom) / 2), corners)


def _numbers(value: Json, counts: tuple[int, ...], where: str) -> list[float]:
    found = [float(number) for number in _NUMBER.findall(value)] if isinstance(value, str) and _is_place(value) else value
    if not isinstance(found, (list, tuple)) or len(found) not in counts or not all(is_number(number) for number in found):
        raise Reject(
            Reason.STEP_ACTION_BAD.at(where, f"found {clip(str(value)) if isinstance(value, (list, str)) else kind_of(value)} where a point is expected")
        )
    return list(map(float, found))


def _is_place(text: str) -> bool:
    """Whether a text has numbers, signs, x, y and tags, and nothing else: the numbers in `img_12_30.png` and in `12:30` are no place."""
    bare = _TAG.sub("", text) if len(text) < MOST_LETTERS else ""
    return bool(bare) and not _TIME.search(bare) and not _WORDS.search(_NUMBER.sub("", bare))


def is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < 1e9
