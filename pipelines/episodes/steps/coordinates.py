"""Logged points -> thousandths of the screen, and what a record's points say about their unit.

    px        54, 120 on a screen of 108x240   ->  500, 500
    unit      0.5, 0.25                        ->  500, 250
    thousand  500, 250                         ->  500, 250

A point outside its screen is refused: it is never moved to the edge, and no other point takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipelines.records import Action, Point, Size

PX, UNIT, THOUSAND = "px", "unit", "thousand"
# Points are in px if more than this part of a record's are beyond 1000, or if one is far beyond; in thousandths by the same rule, beyond the screen.
LEAST_BEYOND, FAR = 0.1, 1.1
LIMITS = {UNIT: 1.0, THOUSAND: 1000.0}


def points_of(actions: Iterable[Action]) -> list[Point]:
    return [point for action in actions for point in (action.point, action.end) if point is not None]


def to_thousand(point: Point, unit: str, size: Size | None) -> tuple[int, int] | None:
    """The point in thousandths of the screen, rounded to the nearest; None where it lies outside. `size` is needed for px only.

    >>> to_thousand(Point(54, 120), "px", Size(108, 240)), to_thousand(Point(0.5, 0.25), "unit", None), to_thousand(Point(109, 0), "px", Size(108, 240))
    ((500, 500), (500, 250), None)
    """
    if unit == PX:
        if size is None or size.width <= 0 or size.height <= 0:
            raise ValueError("a point in px needs the size of its screen")
        width, height = map(float, size)
    else:
        width = height = LIMITS[unit]
    if not (0 <= point.x <= width and 0 <= point.y <= height):
        return None
    return round(point.x * 1000 / width), round(point.y * 1000 / height)


def outside(point: Point, unit: str, size: Size | None) -> str:
    """Says that a point is outside its screen."""
    if unit == PX and size:
        screen = f"{size.width}x{size.height} px"
    else:
        screen = f"0 to {LIMITS.get(unit, 0):g}, in {'parts' if unit == UNIT else 'thousandths'} of the screen"
    return f"({point.x:g}, {point.y:g}) is outside {screen}"


def found_unit(points: Iterable[Point], sizes: Iterable[Size] = ()) -> str:
    """The only unit that these points can have, "" where several are possible. `sizes` are those of the screens, if they were logged. One point of many
    just beyond 1000, or just beyond the screen, may be a fault, so that it decides nothing.

    >>> found_unit([Point(0.5, 0.25)]), found_unit([Point(1020, 7)]), found_unit([Point(900, 7)]), found_unit([Point(900, 7)], [Size(108, 240)])
    ('unit', 'px', '', 'thousand')
    """
    points = list(points)
    values = [value for point in points for value in point]
    if not values:
        return ""
    if max(values) <= 1:
        return UNIT if any(value % 1 for value in values) else ""
    if max(values) > LIMITS[THOUSAND]:
        return PX if _are_beyond(points, LIMITS[THOUSAND], LIMITS[THOUSAND]) else ""
    widest = [max(side) for side in zip(*sizes, strict=True)]
    return THOUSAND if widest and _are_beyond(points, *widest) else ""


def _are_beyond(points: Sequence[Point], width: float, height: float) -> bool:
    """Whether enough of these points are beyond this width and height, or one is far beyond."""
    beyond = [point for point in points if point.x > width or point.y > height]
    return len(beyond) > LEAST_BEYOND * len(points) or any(point.x > FAR * width or point.y > FAR * height for point in beyond)
