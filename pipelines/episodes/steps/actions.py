"""Actions of GUI logs -> `Action`, by the tables of names and keys in data_sets/."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.episodes.steps.data_sets.keys import APP, DIRECTION, DURATION, END, END_PAIRS, KEY, PAIRS, POINT, RECTS, STATUS, TEXT
from pipelines.episodes.steps.data_sets.words import ACTIONS, KEYS, WITH_POINT, Words
from pipelines.parsing.careful import clip, kind_of
from pipelines.reasons import Reason, Reject
from pipelines.records import Action, Point

Json = Any
# AITW: the finger moved less than this part of the screen: a tap. google-research android_in_the_wild action_matching.py, _SWIPE_DISTANCE_THRESHOLD.
TAP_DISTANCE = 0.04
LEAST_DURATION = 20  # ms; a smaller number is probably in seconds
NOWHERE = Point(-1, -1)  # AITW writes it where an action has no place
_OPPOSITE = {"up": "down", "down": "up", "left": "right", "right": "left"}
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def action_of(name: Json, fields: Mapping[str, Json], words: Words, where: str, order: str = "xy") -> Action:
    """The action of this name with what its fields give it. Raises Reject where the name is unknown, or something that it needs is missing."""
    made = words.names.get(re.sub(r"[^a-z0-9]", "", str(name).lower()))
    if made is None:
        raise Reject(Reason.STEP_ACTION_UNKNOWN.at(where, f"{clip(str(name))} is not the name of a known action"))
    point, end = _point(fields, POINT, PAIRS, order, where), _point(fields, END, END_PAIRS, order, where)
    if made == "dual":
        made = "tap" if point is None or end is None or math.dist(point, end) <= TAP_DISTANCE else "swipe"
        end = end if made == "swipe" else None
        point = _required(point, made, where)
    status = str(_first(fields, STATUS) or "").lower()
    if made == "finish" and words.names.get(re.sub(r"[^a-z]", "", status)) == "impossible":
        made = "impossible"
    if made == "key" and (key := KEYS.get(_word(_first(fields, KEY)))):
        made = key
    direction = _direction(fields, point, end, made, words, where)
    made = "swipe" if made == "scroll" and words.scroll == "finger" else made
    action = Action(
        name=made,
        point=point if made in WITH_POINT else None,
        end=end if made in ("swipe", "drag", "scroll") else None,
        direction=direction,
        text=_text(made, fields),
        duration=_duration(_first(fields, DURATION), where) if made in ("wait", "long_press") else None,
    )
    return _checked(action, fields, where)


def _duration(value: Json, where: str) -> int | None:
    """Milliseconds; None where the log has none. Nobody can know whether a 2 means seconds. Raises Reject."""
    if value is None or (type(value) in (int, float) and LEAST_DURATION <= value < 1e9 and value == int(value)):
        return None if value is None else int(value)
    raise Reject(Reason.STEP_ACTION_BAD.at(where, f"the duration {clip(str(value))} is not a whole number of milliseconds, at least {LEAST_DURATION}"))


def _checked(action: Action, fields: Mapping[str, Json], where: str) -> Action:
    for need in ACTIONS[action.name].split():
        if need == "text" and not action.text and not any(isinstance(fields.get(key), str) for key in (*TEXT, *APP)):
            raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{action.name} has no text; expected one of {', '.join(TEXT)}"))
        if need != "text" and not getattr(action, need):
            raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{action.name} has no {need}"))
    return action


def _required(point: Point | None, name: str, where: str) -> Point:
    if point is None:
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{name} has no point"))
    return point


def _first(fields: Mapping[str, Json], keys: Iterable[str]) -> Json:
    return next((fields[key] for key in keys if fields.get(key) is not None), None)


def _word(value: Json) -> str:
    return re.sub(r"^key|[^a-z]", "", value.lower()) if isinstance(value, str) else ""


def _text(name: str, fields: Mapping[str, Json]) -> str:
    keys = APP if name == "open_app" else KEY if name in ("key", "hotkey") else TEXT if name in ("type", "select", "answer", "finish") else ()
    value = _first(fields, keys)
    if name in ("key", "hotkey") and isinstance(value, list):
        return "+".join(map(str, value))
    return value if isinstance(value, str) else "" if value is None else str(value)


def _direction(fields: Mapping[str, Json], point: Point | None, end: Point | None, name: str, words: Words, where: str) -> str:
    """The direction as logged, or that from a gesture's beginning to its end along the longer axis, as GUI-Odyssey's data/format_converter.py @ fefcbe9 has it."""
    if name not in ("swipe", "scroll"):
        return ""
    given = _first(fields, DIRECTION)
    word = given.strip().lower() if isinstance(given, str) else ""
    word = {"top": "up", "bottom": "down"}.get(word, word)
    if word in _OPPOSITE:
        return word
    if given is not None:
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{clip(str(given))} is not a direction: up, down, left or right"))
    if point is None or end is None or point == end:
        return ""
    dx, dy = end.x - point.x, end.y - point.y
    return ("right" if dx > 0 else "left") if abs(dx) > abs(dy) else ("down" if dy > 0 else "up")


def finger_direction(action: Action) -> str:
    """The way of the finger that shows what this scroll or swipe shows.

    >>> finger_direction(Action(name="scroll", direction="down")), finger_direction(Action(name="swipe", direction="down"))
    ('up', 'down')
    """
    return _OPPOSITE.get(action.direction, "") if action.name == "scroll" else action.direction


def _point(fields: Mapping[str, Json], keys: Iterable[str], pairs: Iterable[tuple[str, str]], order: str, where: str) -> Point | None:
    for x, y in pairs:
        if fields.get(x) is not None or fields.get(y) is not None:
            return point_of([fields.get(x), fields.get(y)], "xy", where)
    if keys is POINT and (rect := _first(fields, RECTS)) is not None:
        left, top, width, height = _numbers(rect, (4,), where)
        return Point(left + width / 2, top + height / 2)
    value = _first(fields, keys)
    found = None if value is None or value == [] else point_of(value, order, where)
    return None if found == NOWHERE else found


def point_of(value: Json, order: str, where: str) -> Point:
    """The point in [x, y], [y, x], a box of four numbers (its centre), an object, or a text of these. Raises Reject for anything else."""
    if isinstance(value, dict):
        value = [value.get("x"), value.get("y")]
    if isinstance(value, (list, tuple)) and len(value) == 1 and isinstance(value[0], (list, tuple)):
        value = value[0]
    numbers = _numbers(value, (2, 4), where)
    if len(numbers) == 4:
        numbers = [(numbers[0] + numbers[2]) / 2, (numbers[1] + numbers[3]) / 2]
    return Point(*numbers) if order == "xy" else Point(numbers[1], numbers[0])


def _numbers(value: Json, counts: tuple[int, ...], where: str) -> list[float]:
    found = [float(number) for number in _NUMBER.findall(value)] if isinstance(value, str) and len(value) < 200 else value
    if not isinstance(found, (list, tuple)) or len(found) not in counts or not all(_is_number(number) for number in found):
        raise Reject(
            Reason.STEP_ACTION_BAD.at(where, f"found {clip(str(value)) if isinstance(value, (list, str)) else kind_of(value)} where a point is expected")
        )
    return list(map(float, found))


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < 1e9
