"""The points of an action as logs write them: [x, y], an object, two keys, a box, a rectangle, a text of these."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.episodes.steps.data_sets.keys import POINT, RECTS
from pipelines.parsing.careful import clip, kind_of
from pipelines.reasons import Reason, Reject
from pipelines.records import Point

Json = Any
NOWHERE = (Point(-1, -1), Point(-100, -100))  # what AITW and GUI-R1 write where an action has no place
_SIDES = frozenset(("width", "height", "w", "h"))
_NUMBER = re.compile(r"-?(?:\d++\.?+\d*+|\.\d++)(?:[eE][-+]?\d++)?")
MOST_LETTERS = 200  # of a text with numbers


def number_of(value: Json) -> float | None:
    """0 where there is none, None where it is no number. GUIAct writes numbers as text."""
    if value in (None, ""):
        return 0
    if isinstance(value, str):
        value = float(value) if len(value) < MOST_LETTERS and _NUMBER.fullmatch(value.strip()) else None
    return float(value) if is_number(value) else None


def logged_point(
    fields: Mapping[str, Json], keys: Iterable[str], pairs: Iterable[tuple[str, str]], order: str, where: str, takes_two: bool = False
) -> Point | None:
    """The point under these keys, or under one of these pairs of keys; None where there is none. `takes_two`: one key may have both points of a gesture,
    from its beginning to its end. Raises Reject."""
    for x, y in pairs:
        if fields.get(x) is not None or fields.get(y) is not None:
            given = point_of([fields.get(x), fields.get(y)], "xy", where)
            other = first_point(fields, keys, order, where) if given == (0, 0) else None  # 0 may stand where nothing was logged
            if other is not None and other not in (given, *NOWHERE):
                raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{x} and {y} are 0, and another key says ({other.x:g}, {other.y:g})"))
            return given
    if keys is POINT and (rect := _rect(fields)) is not None:
        return _center(rect, where)
    two = next((value for key in POINT if _is_gesture(value := fields.get(key))), None) if takes_two else None
    if two is not None:
        return point_of(two[0 if keys is POINT else 1], order, where)
    found = first_point(fields, keys, order, where)
    return None if found in NOWHERE else found


def first_point(fields: Mapping[str, Json], keys: Iterable[str], order: str, where: str) -> Point | None:
    """The point under the first of these keys that has one. A text without numbers describes an element."""
    for key in keys:
        value = fields.get(key)
        if value not in (None, [], "") and not (isinstance(value, str) and not _NUMBER.search(value)):
            return point_of(value, order, where)
    return None


def _is_gesture(value: Json) -> bool:
    """Whether this is two points: where a gesture begins and where it ends."""
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(isinstance(one, (list, tuple, dict)) for one in value)


def _rect(fields: Mapping[str, Json]) -> Json:
    """The left side, the top, the width and the height of an element. Four numbers under another key than the first may be two corners."""
    if (given := fields.get(RECTS[0])) is not None:
        return given
    return next((value for key in RECTS[1:] if isinstance(value := fields.get(key), dict) and value.keys() & _SIDES), None)


def _center(rect: Json, where: str) -> Point:
    if isinstance(rect, dict):
        rect = [rect.get("x"), rect.get("y"), rect.get("width", rect.get("w")), rect.get("height", rect.get("h"))]
    left, top, width, height = _numbers(rect, (4,), where)
    return Point(left + width / 2, top + height / 2)


def point_of(value: Json, order: str, where: str) -> Point:
    """The point in [x, y], [y, x], a box of four numbers (its centre), an object (with a width and a height a box too), or a text of these; also in a
    list of one point, or of the same point twice. Raises Reject for anything else."""
    if isinstance(value, dict) and "related" in value:  # GUIAct has both units
        value = value["related"]
    if isinstance(value, dict):
        return _center(value, where) if value.keys() & _SIDES else Point(*_numbers([value.get("x"), value.get("y")], (2,), where))
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], (list, tuple)) and all(one == value[0] for one in value):
        value = value[0]
    numbers = _numbers(value, (2, 4), where)
    if len(numbers) == 4:
        numbers = [(numbers[0] + numbers[2]) / 2, (numbers[1] + numbers[3]) / 2]
    return Point(*numbers) if order == "xy" else Point(numbers[1], numbers[0])


def _numbers(value: Json, counts: tuple[int, ...], where: str) -> list[float]:
    found = [float(number) for number in _NUMBER.findall(value)] if isinstance(value, str) and len(value) < MOST_LETTERS else value
    if not isinstance(found, (list, tuple)) or len(found) not in counts or not all(is_number(number) for number in found):
        raise Reject(
            Reason.STEP_ACTION_BAD.at(where, f"found {clip(str(value)) if isinstance(value, (list, str)) else kind_of(value)} where a point is expected")
        )
    return list(map(float, found))


def is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < 1e9
