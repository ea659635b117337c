"""Actions -> the text that a model answers: one table a model. A form names what of an action stands where; what it has no row for, it cannot write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from pipelines.episodes.steps.actions.directions import finger_direction
from pipelines.records import Action

POINT, END, TO, TEXT, DURATION = "$point", "$end", "$to", "$text", "$duration"
Place = tuple[int, int]
CENTER = (500, 500)  # where a swipe without a place begins, as in AgentCPM-GUI eval/eval_data/process_ac.py @ acbaf50


class Form(NamedTuple):
    """`rows`: action -> the object that says it, with what is put in for each $ sign. `durations` are those of actions that were logged without one."""

    rows: Mapping[str, Mapping[str, Any]]
    durations: Mapping[str, int]
    text_with_point: bool = True  # whether a text can be typed at a place


_PLAIN = {
    "tap": {"point": POINT},
    "double_tap": {"point": POINT},
    "triple_tap": {"point": POINT},
    "right_tap": {"point": POINT},
    "middle_tap": {"point": POINT},
    "long_press": {"point": POINT, "duration": DURATION},
    "hover": {"point": POINT},
    "swipe": {"point": POINT, "direction": TO},
    "scroll": {"point": POINT, "direction": TO},
    "drag": {"point": POINT, "end": END},
    "type": {"point": POINT, "text": TEXT},
    "select": {"point": POINT, "text": TEXT},
    "key": {"text": TEXT},
    "hotkey": {"text": TEXT},
    "open_app": {"text": TEXT},
    "answer": {"text": TEXT},
    "open_url": {"text": TEXT},
    "call_user": {"text": TEXT},
    "forward": {},
    "home": {},
    "back": {},
    "enter": {},
    "recent": {},
    "wait": {"duration": DURATION},
    "finish": {"text": TEXT},
    "impossible": {"text": TEXT},
}
FORMS: Mapping[str, Form] = {
    # OpenBMB/AgentCPM-GUI README.md "Action Space", eval/utils/schema/schema.json @ acbaf50. The duration of a wait is the schema's default.
    "agentcpm_gui": Form(
        {
            "tap": {"POINT": POINT},
            "long_press": {"POINT": POINT, "duration": DURATION},
            "swipe": {"POINT": POINT, "to": TO},
            "scroll": {"POINT": POINT, "to": TO},
            "drag": {"POINT": POINT, "to": END},
            "type": {"TYPE": TEXT},
            "home": {"PRESS": "HOME"},
            "back": {"PRESS": "BACK"},
            "enter": {"PRESS": "ENTER"},
            "wait": {"duration": DURATION},
            "finish": {"STATUS": "finish"},
            "impossible": {"STATUS": "impossible"},
        },
        {"long_press": 1000, "wait": 200},
        text_with_point=False,
    ),
    "plain": Form({name: {"action": name} | dict(row) for name, row in _PLAIN.items()}, {}),
}


def can_write(action: Action, form: Form) -> bool:
    """Whether the form has words for all that this action is."""
    return action.name in form.rows and (form.text_with_point or action.name != "type" or action.point is None)


def answer_of(action: Action, point: Place | None, end: Place | None, form: Form, thought: str = "") -> str:
    """The action as compact JSON, after the thought. The places are in thousandths; a swipe without one begins at the centre of the screen.

    >>> answer_of(Action(name="swipe", direction="up"), (197, 634), None, FORMS["agentcpm_gui"])
    '{"POINT":[197,634],"to":"up"}'
    """
    is_phone = form is FORMS["agentcpm_gui"]
    values: dict[str, Any] = {
        POINT: list(point) if point else list(CENTER) if is_phone and action.direction else None,
        END: list(end) if end else None,
        TO: (finger_direction(action) if is_phone else action.direction) or None,
        TEXT: action.text if action.text or action.name in ("type", "select") else None,
        DURATION: action.duration if action.duration is not None else form.durations.get(action.name),
    }
    said = {"thought": thought} if thought else {}
    said |= {key: value for key, sign in form.rows[action.name].items() if (value := values.get(sign, sign)) is not None}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def begins_at_center(action: Action, form: Form) -> bool:
    """Whether the form puts this gesture at the centre of the screen, because the log names no place."""
    return form is FORMS["agentcpm_gui"] and bool(action.direction) and action.point is None
