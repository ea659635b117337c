"""The actions of GUI agents, as far as checks read them: from the arguments of a call, or from the text of an answer.

    {"thought": "...", "POINT": [500, 300]}    Action: click(start_box='(500,300)')    pyautogui.click(x=500, y=300)

Nothing is run, and nothing is refused: what is not recognised has no points, and ends nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from pipelines.records import Message

Json = Any
MOST_TEXT = 4096  # characters of an action in text
MOST_POINTS = 64  # of one answer
_THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_ACTION = re.compile(r"(?:^|\n)\s*\**Action\**\s*[:：]\s*", re.IGNORECASE)
_CALL = re.compile(r"\b([A-Za-z_][\w.]{0,60})\(")
_NUMBER = r"(-?\d{1,6}(?:\.\d{1,6})?)"
_PAIRS = re.compile(
    rf"[\[(]\s*{_NUMBER}\s*,\s*{_NUMBER}\s*(?:,\s*{_NUMBER}\s*,\s*{_NUMBER}\s*)?[\])]"
    rf"|\bx\s*=\s*{_NUMBER}\s*,\s*y\s*=\s*{_NUMBER}"
    rf"|<point>\s*{_NUMBER}[\s,]+{_NUMBER}\s*</point>"
)
_THOUGHTS = frozenset(("thought", "thoughts", "thinking", "reasoning", "explanation", "observation", "summary", "action_desc", "description"))
_POINT_KEYS = frozenset(
    [
        "point",
        "coordinate",
        "coordinates",
        "position",
        "start_point",
        "end_point",
        "start_coordinate",
        "end_coordinate",
        "coordinate2",
        "start",
        "end",
        "touch",
        "lift",
        "touch_point",
        "lift_point",
        "click_point",
        "location",
        "element",
        "start_box",
        "end_box",
        "from",
        "to",
        "box_point",
    ]
)
_XY = (("x", "y"), ("x1", "y1"), ("x2", "y2"), ("start_x", "start_y"), ("end_x", "end_y"), ("touch_x", "touch_y"), ("lift_x", "lift_y"), ("to_x", "to_y"))
_NAME_KEYS = ("action", "action_type", "type", "name", "status", "STATUS", "operation", "op")
_ENDS = frozenset(
    [
        "finish",
        "finished",
        "finishtask",
        "done",
        "complete",
        "completed",
        "completetask",
        "taskcomplete",
        "taskcompleted",
        "statustaskcomplete",
        "terminate",
        "terminated",
        "submit",
        "stop",
        "end",
        "exit",
        "quit",
        "answer",
        "finalanswer",
        "attemptcompletion",
        "infeasible",
        "impossible",
        "statustaskimpossible",
        "taskimpossible",
        "reportinfeasible",
        "fail",
        "failed",
        "satisfied",
        "interrupt",
        "needfeedback",
        "success",
        "calluser",
        "sendmsgtouser",
        "respond",
        "reply",
    ]
)
_WAITS = frozenset(["wait", "sleep", "pause", "noop", "noaction", "screenshot", "takescreenshot", "observe"])


_ONLY_WAITS = {"duration", "STATUS"}  # all fields of an action that waits, in AgentCPM-GUI's form


class Point(NamedTuple):
    """`in_thousand`: the form of the action says that its numbers are thousandths of the screen, as AgentCPM-GUI's POINT. `is_corner`: it is one of
    two opposite corners of a box."""

    x: float
    y: float
    in_thousand: bool = False
    is_corner: bool = False


class Action(NamedTuple):
    """What an answer does. `text` is the same for the same action, whatever was thought before it. `names` are its names without signs."""

    text: str
    names: frozenset[str]
    fields: Mapping[str, Json] | None
    is_known: bool

    @property
    def ends(self) -> bool:
        return bool(self.names & _ENDS)

    @property
    def waits(self) -> bool:
        return bool(self.names & _WAITS) or (self.fields is not None and "duration" in self.fields and self.fields.keys() <= _ONLY_WAITS)


def action_of(message: Message) -> Action:
    """The action of a call or of a text answer."""
    if message.metadata:
        fields = _object(message.content)
        return Action(f"{message.metadata}\n{message.content}", frozenset((_plain(message.metadata), *_names_in(fields or {}))), fields, True)
    text = _THOUGHT.sub("", message.content) if "<think>" in message.content else message.content
    text = text.strip()[-MOST_TEXT:]
    fields = _object(text[text.find("{") : text.rfind("}") + 1])
    if fields is not None:
        kept = {key: value for key, value in fields.items() if key.lower() not in _THOUGHTS}
        return Action(orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode(), frozenset(_names_in(kept)), kept, bool(kept))
    *before, text = _ACTION.split(text)
    calls = _CALL.findall(text)
    return Action(text, frozenset(_plain(name.rpartition(".")[2]) for name in calls) | _only_word(text), None, bool(before or calls))


def points_of(action: Action) -> list[Point]:
    """The points of an action that is recognised, in order."""
    found = _points_in(action.fields) if action.fields is not None else _points_in_text(action.text) if action.is_known else iter(())
    return [point for _, point in zip(range(MOST_POINTS), found, strict=False)]


def _points_in(fields: Mapping[str, Json]) -> Iterator[Point]:
    for key, value in fields.items():
        if key.lower() in _POINT_KEYS:
            yield from _points_of(value, in_thousand=key == "POINT" or (key == "to" and "POINT" in fields))
        elif type(value) is dict and key.lower() in ("arguments", "args", "action", "action_inputs", "parameters", "params"):
            yield from _points_in(value)
        elif type(value) is str and key.lower() in ("code", "command", "action", "script"):
            yield from _points_in_text(value[:MOST_TEXT]) if _CALL.search(value) else ()
    for x, y in _XY:
        if _is_number(fields.get(x)) and _is_number(fields.get(y)):
            yield Point(float(fields[x]), float(fields[y]))


def _points_of(value: Json, in_thousand: bool) -> Iterator[Point]:
    if type(value) is list and len(value) in (2, 4) and all(map(_is_number, value)):
        for i in range(0, len(value), 2):
            yield Point(float(value[i]), float(value[i + 1]), in_thousand, len(value) == 4)
    elif type(value) is list and value and all(type(one) is list for one in value):
        for one in value[:MOST_POINTS]:
            yield from _points_of(one, in_thousand) if not one or type(one[0]) is not list else ()
    elif type(value) is dict and _is_number(value.get("x")) and _is_number(value.get("y")):
        yield Point(float(value["x"]), float(value["y"]), in_thousand)
    elif type(value) is str:
        yield from (point._replace(in_thousand=in_thousand) for point in _points_in_text(value[:MOST_TEXT]))


def _points_in_text(text: str) -> Iterator[Point]:
    for found in _PAIRS.finditer(text):
        numbers = [float(number) for number in found.groups() if number is not None]
        for i in range(0, len(numbers), 2):
            yield Point(numbers[i], numbers[i + 1], is_corner=len(numbers) == 4)


def _names_in(fields: Mapping[str, Json]) -> Iterator[str]:
    for key in _NAME_KEYS:
        value = fields.get(key)
        if type(value) is str:
            yield _plain(value)
        elif type(value) is dict:
            yield from _names_in({name: inner for name, inner in value.items() if type(inner) is str})
    for key in fields:
        if _plain(key) in _ENDS and key.lower() not in ("end", "answer", "stop"):
            yield _plain(key)


def _only_word(text: str) -> frozenset[str]:
    """The word of an action that is one word, such as DONE."""
    return frozenset((_plain(text),)) if 0 < len(text) <= 40 and re.fullmatch(r"[A-Za-z_ \[\]!.]+", text) else frozenset()


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name[:60].lower())


def _is_number(value: Json) -> bool:
    return type(value) is int or type(value) is float


def _object(text: str) -> Mapping[str, Json] | None:
    if text[:1] != "{":
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if type(value) is dict else None
