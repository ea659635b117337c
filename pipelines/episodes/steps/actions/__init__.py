"""Actions of GUI logs -> `Action`, by the tables of names and keys in data_sets/."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from pipelines.episodes.steps.actions.directions import direction_between, direction_of
from pipelines.episodes.steps.actions.fields import button_of, count_of, first_of, text_of
from pipelines.episodes.steps.actions.points import logged_point, number_of
from pipelines.episodes.steps.data_sets.keys import (
    APP,
    BESIDES,
    DIRECTION,
    DRAG_END,
    DRAG_POINT,
    DRAG_START,
    DURATION,
    DURATIONS,
    END,
    END_PAIRS,
    FLAGS,
    HELD,
    KEY,
    OUTCOMES,
    PAIRS,
    POINT,
    SECOND,
    SECOND_PAIRS,
    STATUS,
    TEXT,
    URL,
)
from pipelines.episodes.steps.data_sets.words import ACTIONS, BUTTONS, COMMON, DIRECTED, ENDINGS, ENDS, KEYS, WITH_POINT, Words
from pipelines.parsing.careful import clip, kind_of
from pipelines.reasons import Reason, Reject
from pipelines.records import Action

Json = Any
# AITW: the finger moved less than this part of the screen: a tap. google-research android_in_the_wild action_matching.py, _SWIPE_DISTANCE_THRESHOLD.
TAP_DISTANCE = 0.04
LEAST_DURATION = 20  # ms; a smaller number is probably in seconds
_EXPECTED = "expected one such as complete, success, infeasible or failure"
_TEXTS = {"open_app": APP, "open_url": URL, "key": KEY, "hotkey": KEY} | dict.fromkeys(("type", "select", "answer"), TEXT)
_TEXTS |= dict.fromkeys(("finish", "call_user"), (*TEXT, "info"))
_COUNTED = frozenset(("tap", "double_tap", "triple_tap", "right_tap", "middle_tap", "long_press", "key", "hotkey"))
_WITH_BUTTON = frozenset(("tap", "double_tap", "triple_tap", "right_tap", "middle_tap", "long_press", "drag"))


def action_of(name: Json, fields: Mapping[str, Json], words: Words, where: str, order: str = "xy") -> Action:
    """The action of this name with what its fields give it. `other` is an action of several parts, which is written for no model. Raises Reject where
    the name is unknown, or something that it needs is missing or contradicts itself."""
    word, named = word_of(name), ""
    if word not in words.names and (parts := DIRECTED.fullmatch(word)):
        word, named = parts[1], parts[2]
    made = words.names.get(word)
    if made is None:
        raise Reject(Reason.STEP_ACTION_UNKNOWN.at(where, f"{clip(str(name))} is not the name of a known action"))
    count = 1 if made in ("scroll", "swipe") else count_of(fields, where, made in _COUNTED)  # of a scroll it says how far
    button = button_of(fields, where) if made in _WITH_BUTTON else ""
    if _has_more(made, fields, count, button):
        return Action(name="other", text=compact({"action": name, **fields}))
    takes_two = made in ("swipe", "scroll", "drag", "dual")
    is_coordinate_end = takes_two and fields.get(DRAG_START) is not None and not any(fields.get(key) is not None for key in END)
    starts, ends = (DRAG_POINT, DRAG_END) if is_coordinate_end else (POINT, END)
    is_needed = "point" in ACTIONS.get(made, "point")
    point = logged_point(fields, starts, PAIRS, order, where, takes_two, is_needed=is_needed) if takes_two or made in WITH_POINT else None
    end = logged_point(fields, ends, END_PAIRS, order, where, takes_two, is_end=True, is_needed=is_needed) if takes_two else None
    if made in words.unclear and not (made in ("scroll", "swipe") and direction_between(point, end)):
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"the data set does not document {words.unclear[made]}"))
    point = None if made == "type" and not words.types_at_a_place else point
    if made == "dual":
        made = "tap" if point is None or end is None or math.dist(point, end) <= TAP_DISTANCE else "swipe"
        end = end if made == "swipe" else None
    elif (
        point is not None
        and ACTIONS[made] == "point"
        and (second := logged_point(fields, SECOND, SECOND_PAIRS, order, where, is_end=True)) not in (None, point, (0, 0))
    ):
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{made} has one point, and the log has ({second.x:g}, {second.y:g}) too"))
    made = _status(made, word, fields, words, where)
    text = text_of(fields, _TEXTS.get(made, ()), where)
    made = _clicked(made, count, button, where)
    if made == "key" and count == 1 and (key := _key(text, word)):
        made = key
    # A scroll between two points is a finger's way, whatever the log calls its direction.
    made = "swipe" if made == "scroll" and (words.scroll == "finger" or (point is not None and end is not None)) else made
    is_scroll = words.names.get(word) == "scroll"
    direction = direction_of(fields, word, named, point, end, is_scroll, where) if made in ("swipe", "scroll") else ""
    action = Action(
        name=made,
        point=point if made in WITH_POINT else None,
        end=end if made in ("swipe", "drag", "scroll") else None,
        direction=direction,
        text=_text(made, text, count, where),
        duration=_duration(fields, words, where) if made in ("wait", "long_press") else None,
    )
    return _checked(action, fields, where)


def word_of(name: Json) -> str:
    """A name as the tables have it: in lower case, without signs."""
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def compact(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _has_more(made: str, fields: Mapping[str, Json], count: int, button: str) -> bool:
    """Whether the action has parts that no form has words for: keys that are held, Enter after a text, a fourth click, a list of keys as text."""
    is_other_button = button not in ("", "tap")
    return (
        (made == "tap" and (count > 3 or (count > 1 and is_other_button)))
        or (made in ("double_tap", "triple_tap", "long_press", "drag") and is_other_button)
        or (made not in ("tap", "key") and count > 1)
        or (made == "key" and count > 1 and isinstance(first_of(fields, KEY), list))
        or (made == "type" and isinstance(first_of(fields, TEXT), list))
        or (made in _WITH_BUTTON and isinstance(held := fields.get("text"), str) and HELD.fullmatch(held) is not None)
        or any(_is_set(fields.get(key)) for key in BESIDES)
        or any(str(fields.get(key)).lower() == "true" for key in FLAGS)
    )


def _is_set(value: Json) -> bool:
    return value not in (None, False, "", 0, [], {}) and str(value).strip().lower() not in ("false", "none", "no")


def _clicked(made: str, count: int, button: str, where: str) -> str:
    """The kind of tap for a button and a number of clicks: `button: right`, `clicks: 2`."""
    if made in ("right_tap", "middle_tap") and button not in ("", made):
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"the name says {made}, and the button says {button}"))
    if made != "tap":
        return made
    return {2: "double_tap", 3: "triple_tap"}.get(count, made) if button in ("", "tap") else button


def _status(made: str, word: str, fields: Mapping[str, Json], words: Words, where: str) -> str:
    """An action that ends an episode, by its name and the status that it gives, which must agree. Some names only say that it ends."""
    if made not in ENDS:
        return made
    said = {key: str(value).strip().lower() for key in STATUS if (value := fields.get(key)) not in (None, "")}
    found = {key: words.names.get(re.sub(r"[^a-z]", "", status)) for key, status in said.items()}
    for key in OUTCOMES:
        if isinstance(value := fields.get(key), bool):
            said[key], found[key] = str(value).lower(), "finish" if value else "impossible"
    if word == "status" and not said:
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"found nothing as the status; {_EXPECTED}"))
    if unknown := next((key for key, end in found.items() if end not in ENDS), None):
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"found {clip(said[unknown])} as the status; {_EXPECTED}"))
    ends = ({} if word in ENDINGS else {"the name": word}) | said
    meant = ({} if word in ENDINGS else {"the name": made}) | found
    if other := next((key for key, end in meant.items() if end != next(iter(meant.values()))), None):
        first = next(iter(ends))
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{first} says {clip(ends[first])}, and {other} says {clip(ends[other])}"))
    return next(iter(meant.values()), None) or made


def _key(value: Json, word: str) -> str | None:
    """The action of a key that has one of its own."""
    key = KEYS.get(_word(value))
    is_button = word in BUTTONS or (isinstance(value, str) and value.lower().startswith("key"))
    return None if key == "home" and not is_button else key


def _duration(fields: Mapping[str, Json], words: Words, where: str) -> int | None:
    """Milliseconds; None where the log has none. All keys must say the same. Raises Reject."""
    logged = {"the duration": _milliseconds(first_of(fields, DURATION), words, where)}
    for key, size in DURATIONS.items():
        value = number_of(given) if (given := fields.get(key)) not in (None, "") else None
        logged[key] = None if value is None and given in (None, "") else _milliseconds(given if value is None else round(value * size, 6), COMMON, where)
    said = {key: value for key, value in logged.items() if value is not None}
    if len(set(said.values())) > 1:
        raise Reject(Reason.STEP_ACTION_BAD.at(where, " and ".join(f"{key} is {value} ms" for key, value in said.items())))
    return next(iter(said.values()), None)


def _milliseconds(value: Json, words: Words, where: str) -> int | None:
    """Nobody can know whether a 2 means seconds, where nothing is documented."""
    if value in (None, "", "None", "null") or (words.zero_is_unset and value == 0):
        return None
    if type(value) in (int, float) and words.seconds:
        value = round(1000 * value, 6)  # 1.1 times 1000 is no whole number
    if type(value) in (int, float) and LEAST_DURATION <= value < 1e9 and value == int(value):
        return int(value)
    raise Reject(Reason.STEP_ACTION_BAD.at(where, f"the duration {clip(str(value))} is not a whole number of milliseconds, at least {LEAST_DURATION}"))


def _checked(action: Action, fields: Mapping[str, Json], where: str) -> Action:
    for need in ACTIONS[action.name].split():
        if need == "text" and not action.text and not any(isinstance(fields.get(key), str) for key in (*TEXT, *APP)):
            raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{action.name} has no text; expected one of {', '.join(_TEXTS[action.name])}"))
        if need != "text" and not getattr(action, need):
            keys = {"point": (*POINT[:3], "x and y"), "end": (*END[:3], "x2 and y2"), "direction": DIRECTION}[need]
            raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{action.name} has no {need}; expected one of {', '.join(keys)}"))
    return action


def _word(value: Json) -> str:
    return re.sub(r"^key(?:code)?|[^a-z]", "", value.lower()) if isinstance(value, str) else ""


def _text(name: str, value: Json, count: int, where: str) -> str:
    if name not in _TEXTS:
        return ""
    if name in ("key", "hotkey") and isinstance(value, list):
        return "+".join(map(str, value))
    if name == "key" and count > 1:
        return "+".join([str(value)] * count)
    if isinstance(value, (list, dict, bool, float)):  # nobody can know how a number such as 1.10 was written
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"found {kind_of(value)} where the text of {name} is expected"))
    return value if isinstance(value, str) else "" if value is None else str(value)
