"""The direction of a scroll or a swipe: as logged, as its name says it, as the wheel says it, and from its beginning to its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.episodes.steps.actions.points import number_of
from pipelines.episodes.steps.data_sets.keys import AMOUNTS, COUNTS, DIRECTION, WHEEL_UP, WHEELS, WHEELS_OF_SCROLLS
from pipelines.parsing.careful import clip
from pipelines.reasons import Reason, Reject
from pipelines.records import Action, Point

Json = Any
_OPPOSITE = {"up": "down", "down": "up", "left": "right", "right": "left"}
_AXES = {"hscroll": ("left", "right"), "vscroll": ("up", "down")}


def direction_of(fields: Mapping[str, Json], word: str, named: str, point: Point | None, end: Point | None, is_scroll: bool, where: str) -> str:
    """The direction as logged, or that from a gesture's beginning to its end along the longer axis, as GUI-Odyssey's data/format_converter.py @ fefcbe9
    has it. `word` is the action's name, `named` is the direction in it, "" without one. All that the log says must agree; of a scroll the two points count, because
    its direction may be that of what is shown. Raises Reject."""
    way, said = direction_between(point, end), _said(fields, named, word == "hscroll", is_scroll, where)
    if way and said and said != way and not (is_scroll and said == _OPPOSITE[way]):
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"the direction is {said}, and the way between the two points is {way}"))
    if (way or said) and (way or said) not in _AXES.get(word, _OPPOSITE):
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"the name says {word}, and the direction is {way or said}"))
    return way or said


def _said(fields: Mapping[str, Json], named: str, is_sideways: bool, is_scroll: bool, where: str) -> str:
    """The direction that the name, the keys and the wheel say; "" where none does."""
    found = [("the name", named)] if named else []
    for key in DIRECTION:
        if (given := fields.get(key)) not in (None, ""):
            found.append((key, _direction(given, where)))
    for key in COUNTS:
        if _steps(fields, key, where) < 0:
            raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{key} is {clip(str(fields[key]))}; expected how far it scrolls, without a sign"))
    for key in AMOUNTS:
        if (number_of(fields.get(key)) or 0) < 0:
            raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{key} is {clip(str(fields[key]))}; expected how far it goes, without a sign"))
    found += _wheels(fields, is_sideways, (*WHEELS, *WHEELS_OF_SCROLLS) if is_scroll else WHEELS, where)
    for what, said in found[1:]:
        if said != found[0][1]:
            raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{found[0][0]} says {found[0][1]}, and {what} says {said}"))
    return found[0][1] if found else ""


def _direction(given: Json, where: str) -> str:
    said = given.strip().lower() if isinstance(given, str) else ""
    said = {"top": "up", "bottom": "down"}.get(said, said)
    if said not in _OPPOSITE:
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{clip(str(given))} is not a direction: up, down, left or right"))
    return said


def direction_between(point: Point | None, end: Point | None) -> str:
    if point is None or end is None or point == end:
        return ""
    dx, dy = end.x - point.x, end.y - point.y
    return ("right" if dx > 0 else "left") if abs(dx) > abs(dy) else ("down" if dy > 0 else "up")


def _wheels(fields: Mapping[str, Json], is_sideways: bool, wheels: Iterable[tuple[str, str]], where: str) -> list[tuple[str, str]]:
    """(the key, the direction) of each wheel that is logged in steps or pixels and moved. Without a sign, a distance beside a direction only says how far."""
    found = [
        (right if numbers[0] else down, _of_wheel(*numbers, where))
        for right, down in wheels
        if any(numbers := (_steps(fields, right, where), _steps(fields, down, where)))
    ]
    has_direction = any(fields.get(key) not in (None, "") for key in DIRECTION)
    for key in WHEEL_UP:
        up = _steps(fields, key, where)
        if up < 0 or (up > 0 and not has_direction):
            if is_sideways and key == "pixels":
                raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{key} of a sideways scroll do not say whether it is to the left or to the right"))
            found.append((key, _of_wheel(up, 0, where) if is_sideways else _of_wheel(0, -up, where)))
    return found


def _steps(fields: Mapping[str, Json], key: str, where: str) -> float:
    """How far a wheel moved along one axis; 0 where nothing is logged."""
    value = fields.get(key)
    steps = number_of(value)
    if steps is None:
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{key} is {clip(str(value))}, which is not a number"))
    return steps


def _of_wheel(right: float, down: float, where: str) -> str:
    if right and down:
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"the wheel moved {right:g} to the right and {down:g} down; expected one of them"))
    return ("right" if right > 0 else "left") if right else ("down" if down > 0 else "up")


def finger_direction(action: Action) -> str:
    """The way of the finger that shows what this scroll or swipe shows.

    >>> finger_direction(Action(name="scroll", direction="down")), finger_direction(Action(name="swipe", direction="down"))
    ('up', 'down')
    """
    return _OPPOSITE.get(action.direction, "") if action.name == "scroll" else action.direction
