"""What the fields of an action say: the value under the first of several keys, how often, and with which button."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.episodes.steps.actions.points import number_of
from pipelines.episodes.steps.data_sets.keys import BUTTON, COUNTS, OTHER_TEXTS
from pipelines.parsing.careful import clip
from pipelines.reasons import Reason, Reject

Json = Any
MOST_TIMES = 100
_MOUSE = {"left": "tap", "primary": "tap", "right": "right_tap", "secondary": "right_tap", "middle": "middle_tap"}


def first_of(fields: Mapping[str, Json], keys: Iterable[str]) -> Json:
    """The value under the first of these keys that says something; "" where all that are there are empty, None where there is none."""
    given = [value for key in keys if (value := fields.get(key)) is not None]
    return next((value for value in given if value != ""), given[0] if given else None)


def text_of(fields: Mapping[str, Json], keys: Iterable[str], where: str) -> Json:
    """The value under these keys, of which all that say something must say the same. Raises Reject."""
    said = [(key, value) for key in keys if key not in OTHER_TEXTS and (value := fields.get(key)) not in (None, "")]
    for key, value in said[1:]:
        if str(single(value)) != str(single(said[0][1])):
            detail = f"{said[0][0]} says {clip(str(said[0][1]))}, and {key} says {clip(str(value))}; name the key in ignore that does not count"
            raise Reject(Reason.STEP_ACTION_BAD.at(where, detail))
    return first_of(fields, keys)


def single(value: Json) -> Json:
    """A value, or the only element of a list: TFRecord exports write every value as a list."""
    return value[0] if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], (list, dict)) else value


def count_of(fields: Mapping[str, Json], where: str, is_counted: bool = True) -> int:
    """How often the action is done: 1 where nothing is logged, and where it is 0 for an action that is not counted. It may be a text or a float, as in a
    table. Raises Reject."""
    given = {key: value for key in COUNTS if (value := fields.get(key)) not in (None, "")}
    counts = {key: number_of(value) for key, value in given.items()}
    for key, count in counts.items():
        if (count is None or not 1 <= count <= MOST_TIMES or count != int(count)) and (is_counted or count != 0):
            detail = f"{key} is {clip(str(given[key]))}; expected a whole number from 1 to {MOST_TIMES}, or no {key} for once"
            raise Reject(Reason.STEP_ACTION_BAD.at(where, detail))
    if len(set(counts.values())) > 1:
        raise Reject(Reason.STEP_ACTION_BAD.at(where, " and ".join(f"{key} is {count:g}" for key, count in counts.items())))
    return int(next(iter(counts.values()), None) or 1)


def button_of(fields: Mapping[str, Json], where: str) -> str:
    """The tap that the button of the mouse makes; "" where no button is logged. Raises Reject."""
    button = str(fields.get(BUTTON) or "").strip().lower()
    if button and button not in _MOUSE:
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{clip(button)} is no button of a mouse: left, right or middle"))
    return _MOUSE.get(button, "")
