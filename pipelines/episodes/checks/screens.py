"""Checks of screens: an action is repeated although it changed nothing, or its point is outside the screen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from pipelines.episodes.checks.actions import Action, Point, action_of, points_of
from pipelines.episodes.checks.steps import Answer, Episode, Fault
from pipelines.records import Conversation, Image

RARE = math.log(0.01) - math.log(1e7)  # of a point that is outside: a slip is rare, and may be anywhere
UNITS = (1, 1000, None)  # the sides of a screen in the units that a point may have; None for px
LIMITS = {1: ", in parts of the screen (0 to 1)", 1000: ", in thousandths of the screen (0 to 1000)", None: ""}
LEAST_INSIDE = 0.7  # of the points of a conversation; where fewer are, what their numbers mean is unknown


def no_change(episode: Episode) -> Iterator[Fault]:
    """Steps that do what the step before did, on a screen of the same bytes. Waiting is no fault."""
    conversation = episode.conversation
    if len(conversation.images) < 2:
        return
    repeated: list[Answer] = []
    for before, answer in pairwise([*episode.answers, Answer((), None, False)]):
        if _is_repeated(conversation, before, answer):
            repeated.append(answer)
        elif repeated:
            times = "once more" if len(repeated) == 1 else f"{len(repeated)} times more"
            detail = f"the action of the step before, {times}, on the same screen {repeated[0].screen and repeated[0].screen.sha256[:12]}"
            yield Fault(repeated[0].places[0], detail, [place for one in repeated for place in one.places])
            repeated = []


def _is_repeated(conversation: Conversation, before: Answer, answer: Answer) -> bool:
    if not answer.is_new or before.screen is None or answer.screen is None or before.screen.sha256 != answer.screen.sha256:
        return False
    first, second = ([action for _, action in _actions(conversation, one)] for one in (before, answer))
    return [action.text for action in first] == [action.text for action in second] and not any(action.waits for action in second)


def _actions(conversation: Conversation, answer: Answer) -> list[tuple[int, Action]]:
    """The calls of these answers, or else their texts."""
    messages = conversation.messages
    calls = [place for place in answer.places if messages[place].metadata]
    return [(place, action_of(messages[place])) for place in calls or answer.places]


class Placed(NamedTuple):
    """A point of the action in message `place`, on the screen that these answers see."""

    place: int
    point: Point
    screen: Image
    answers: Sequence[int]


def point_outside(episode: Episode) -> Iterator[Fault]:
    """Actions with a point outside the screen that they are done on, which is the last one before them.

    Numbers may be px, thousandths or parts of the screen. All points of a conversation are read in the one way that explains them best.
    """
    conversation = episode.conversation
    if not conversation.images:
        return
    placed = [
        Placed(place, point, answer.screen, answer.places)
        for answer in episode.answers
        if answer.screen is not None
        for place, action in _actions(conversation, answer)
        for point in points_of(action)
    ]
    for some in ([one for one in placed if one.point.in_thousand], [one for one in placed if not one.point.in_thousand]):
        outside, limits = _outside(some)
        for one in outside:
            x, y = one.point[:2]
            yield Fault(one.place, f"the point ({x:g}, {y:g}) is outside the screen{limits or f' of {one.screen.width}x{one.screen.height} px'}", one.answers)


def _outside(placed: Sequence[Placed]) -> tuple[list[Placed], str]:
    """(the points that are outside as the best reading has it, the limits of its unit), "" for px."""
    if not placed:
        return [], ""
    if placed[0].point.in_thousand:
        return [one for one in placed if not _is_inside(one.point, 1000, 1000)], LIMITS[1000]
    readings = {unit: _reading(placed, unit) for unit in UNITS}
    if all(not inside for reading in readings.values() for _, inside in reading):
        return list(placed), ", whatever the unit"
    unit = _best(readings)
    outside = [one for one, inside in readings[unit] if not inside]
    return (outside if len(outside) <= (1 - LEAST_INSIDE) * len(placed) else []), LIMITS[unit]


def best_unit(placed: Sequence[Placed]) -> int | None:
    """What explains these points best: 1 for parts of the screen, 1000 for thousandths, None for px."""
    return _best({unit: _reading(placed, unit) for unit in UNITS})


def _best(readings: Mapping[int | None, Sequence[tuple[Placed, bool]]]) -> int | None:
    return max(readings, key=lambda unit: _likelihood(readings[unit], unit))


def _reading(placed: Sequence[Placed], unit: int | None) -> list[tuple[Placed, bool]]:
    """Each point, and whether it is inside its screen in this unit."""
    return [(one, _is_inside(one.point, *_sides(one.screen, unit))) for one in placed]


def _likelihood(reading: Sequence[tuple[Placed, bool]], unit: int | None) -> float:
    total = 0.0
    for one, inside in reading:
        width, height = _sides(one.screen, unit)
        total += -math.log(width * height) if inside else RARE
    return total


def _sides(screen: Image, unit: int | None) -> tuple[int, int]:
    return (screen.width, screen.height) if unit is None else (unit, unit)


def _is_inside(point: Point, width: int, height: int) -> bool:
    return 0 <= point.x <= width and 0 <= point.y <= height
