"""The direction of a scroll or a swipe: as logged, as its name says it, as the wheel says it, and from its beginning to its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.episodes.steps.actions.fields import first_of
from pipelines.episodes.steps.actions.points import number_of
from pipelines.episodes.steps.data_sets.keys import DIRECTION, WHEEL_UP, WHEELS
from pipelines.episodes.steps.data_sets.words import Words
from pipelines.parsing.careful import clip
from pipelines.reasons import Reason, Reject
from pipelines.records import Action, Point

Json = Any
_OPPOSITE = {"up": "down", "down": "up", "left": "right", "right": "left"}


def direction_of(fields: Mapping[str, Json], point: Point | None, end: Point | None, name: str, word: str, words: Words, where: str) -> str:
    """The direction as logged, or that from a gesture's beginning to its end along the longer axis, as GUI-Odyssey's data/format_converter.py @ fefcbe9
    has it. If the log has both, they must agree; of a scroll the two points count, because its direction may be that of what is shown."""
    if name not in ("swipe", "scroll"):
        return ""
    way = direction_between(point, end)
    given = first_of(fields, DIRECTION)
    given = _wheel(fields, where) if given in (None, "") else given
    said = given.strip().lower() if isinstance(given, str) else ""
    said = {"top": "up", "bottom": "down"}.get(said, said)
    if said not in _OPPOSITE and given is not None and given != "":
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{clip(str(given))} is not a direction: up, down, left or right"))
    is_scroll = words.names.get(word) == "scroll"
    if way and said and said != way and not (is_scroll and said == _OPPOSITE[way]):
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"the direction is {said}, and the way between the two points is {way}"))
    return way or said


def direction_between(point: Point | None, end: Point | None) -> str:
    if point is None or end is None or point == end:
        return ""
    dx, dy = end.x - point.x, end.y - point.y
    return ("right" if dx > 0 else "left") if abs(dx) > abs(dy) else ("down" if dy > 0 else "up")


def _wheel(fields: Mapping[str, Json], where: str) -> str | None:
    """The direction of a wheel that is logged in steps or pixels; None where it is not."""
    pairs = [(number_of(fields.get(right)), number_of(fields.get(down))) for right, down in WHEELS if right in fields or down in fields]
    pairs += [(0, -up)] if isinstance(up := fields.get(WHEEL_UP), (int, float)) else []
    if not pairs:
        return None
    right, down = pairs[0]
    if right is None or down is None or bool(right) == bool(down):
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"scrolled by {clip(f'{right} to the right and {down} down')}; expected one of them"))
    return ("right" if right > 0 else "left") if right else ("down" if down > 0 else "up")


def direction_in_name(said: str, fields: Mapping[str, Json], where: str) -> str:
    given = first_of(fields, DIRECTION)
    if isinstance(given, str) and given.strip().lower() != said:
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"the name says {said}, and the direction is {clip(given)}"))
    return said


def finger_direction(action: Action) -> str:
    """The way of the finger that shows what this scroll or swipe shows.

    >>> finger_direction(Action(name="scroll", direction="down")), finger_direction(Action(name="swipe", direction="down"))
    ('up', 'down')
    """
    return _OPPOSITE.get(action.direction, "") if action.name == "scroll" else action.direction
