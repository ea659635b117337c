"""Actions that are written as code or as a call: pyautogui, UI-TARS, AutoGLM. The text is matched against a small grammar of calls with literals; nothing is run.

    pyautogui.click(x=0.16, y=0.27)
    click(start_box='<|box_start|>(495,30)<|box_end|>')
    do(action="Tap", element=[500, 250])

Sources: xlangai/AgentNet and xlang-ai/OSWorld (pyautogui and `computer`), bytedance/UI-TARS action_parser.py, zai-org/Open-AutoGLM.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipelines.episodes.steps.actions import action_of, word_of
from pipelines.episodes.steps.data_sets.keys import ACTION_KEYS
from pipelines.episodes.steps.data_sets.words import COMMON, WITH_POINT, Words
from pipelines.formats.paths import Trail
from pipelines.normalize.literals import read_literal
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import clip
from pipelines.reasons import Reason, Reject
from pipelines.records import Action, Finding, Point
from pipelines.visible import counted

MOST_CALLS = 64
_CALL = re.compile(r"(?:([A-Za-z_]\w*)\s*\.\s*)?([A-Za-z_]\w*)\s*\(")
_KEY = re.compile(r"\s*([A-Za-z_]\w*)\s*=(?!=)\s*")
# A text without its end is taken to the end, so that no quote in it is tried again.
_SIGNS = re.compile(r""""(?:[^"\\]++|\\.)*+"?|'(?:[^'\\]++|\\.)*+'?|[{}\[\](),]""", re.DOTALL)
_SKIPPED = re.compile(r"(?:\s|;|#[^\n]*|```(?:python)?)+")
# import time, pyautogui as pg    from pyautogui import click, moveTo as move    from pyautogui import (click)    from pyautogui import *
_NAME = r"[A-Za-z_][\w.]*+(?:\s++as\s++\w++)?+"
_NAMES = rf"{_NAME}(?:\s*+,\s*+{_NAME})*+"
_IMPORT = re.compile(rf"(?:from[ \t]++([\w.]++)[ \t]++import[ \t]*+(?:\(\s*+({_NAMES})\s*+,?\s*+\)|({_NAMES}|\*))|import[ \t]++({_NAMES}))[ \t]*+(?=[\n;#]|\Z)")
_AS = re.compile(r"\s+as\s+")
_DURATION = re.compile(r"(\d++(?:\.\d++)?)\s*+([a-z]++)?")
_UNITS = {1: ("ms", "millisecond", "milliseconds"), 1000: ("s", "sec", "secs", "second", "seconds"), 60_000: ("min", "mins", "minute", "minutes")}
_WORDS = {"WAIT": "wait", "DONE": "finish", "FAIL": "impossible"}  # of OSWorld
# The places of arguments without a key: pyautogui's, and those of the action spaces of prompts.
_POINTED = ("x", "y", "clicks", "interval", "button")
_WAY = ("x1", "y1", "x2", "y2", "duration")
_PLACES: Mapping[str, tuple[str, ...]] = {
    "scroll": ("clicks", "x", "y"),
    "hscroll": ("clicks", "x", "y"),
    "vscroll": ("clicks", "x", "y"),
    "write": ("message", "interval"),
    "typewrite": ("message", "interval"),
    "type": ("text",),
    "press": ("keys", "presses", "interval"),
    "sleep": ("seconds",),
    "wait": ("seconds",),
    "terminate": ("status",),
    "status": ("status",),
    "open_app": ("app_name",),
    "answer": ("answer",),
    "moveto": ("x", "y", "duration"),
    "dragto": ("x", "y", "duration"),
    "doubleclick": ("x", "y", "interval", "button"),
    "tripleclick": ("x", "y", "interval", "button"),
    "rightclick": ("x", "y", "interval"),
    "middleclick": ("x", "y", "interval"),
    "long_press": ("x", "y", "duration"),
    "swipe": _WAY,
    "drag": _WAY,
}


# Those of other names, by the action that they mean.
_PLACES_OF: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("type", "select", "answer", "call_user", "finish", "impossible"), ("text",)),
    "open_app": ("app_name",),
    "open_url": ("url",),
    "key": ("key",),
}
_WAYS = frozenset(("up", "down", "left", "right"))


_READ = ACTION_KEYS | {"seconds", "interval", "tween", "logScreenshot", "_pause"}  # the last ones say how the pointer moves, and no more


class Call(NamedTuple):
    module: str  # what stands before the point, "" without one
    name: str
    arguments: dict[str, Any]


def read_calls(text: str, where: str, budget: Budget, words: Words = COMMON) -> list[Call]:
    """The calls of this code, each with literals as arguments, and under the names of the modules and not those of their imports. Raises Reject where it
    is anything else."""
    calls: list[Call] = []
    imports = _Imports()
    at = _skip(text, 0)
    while at < len(text):
        if imported := _IMPORT.match(text, at):
            imports.add(imported[1] or "", imported[2] or imported[3] or imported[4])
            at = _skip(text, imported.end())
            continue
        found = _CALL.match(text, at)
        if found is None or len(calls) == MOST_CALLS:
            raise Reject(Reason.STEP_ACTION_UNKNOWN.at(where, f"expected calls with literals, found {clip(text[at:])}"))
        module, name = imports.meant(found[1] or "", found[2])
        arguments, at = _arguments(text, found.end(), name, where, budget, words)
        calls.append(Call(module, name, arguments))
        at = _skip(text, at)
    return calls


@dataclass(slots=True)
class _Imports:
    """What the names of a code are: of modules, and of functions, each with its module."""

    modules: dict[str, str] = field(default_factory=dict)
    functions: dict[str, tuple[str, str]] = field(default_factory=dict)
    of_all: str = ""  # the module all of whose functions are imported

    def add(self, module: str, names: str) -> None:
        for name, *others in (_AS.split(piece.strip()) for piece in names.split(",")):
            if name == "*":
                self.of_all = module
            elif module:
                self.functions[others[0] if others else name] = (module, name)
            elif others:
                self.modules[others[0]] = name

    def meant(self, module: str, name: str) -> tuple[str, str]:
        if module:
            return self.modules.get(module, module), name
        return self.functions.get(name, (self.of_all, name))


def _skip(text: str, at: int) -> int:
    found = _SKIPPED.match(text, at)
    return found.end() if found else at


def _arguments(text: str, at: int, name: str, where: str, budget: Budget, words: Words) -> tuple[dict[str, Any], int]:
    """The arguments by name, and where the call ends. `hotkey` has its arguments under `keys`."""
    values: dict[str, Any] = {}
    given: list[Any] = []
    depth, start = 0, at
    for sign in _SIGNS.finditer(text, at):
        mark = sign.group()
        if depth == 0 and mark in (",", ")"):
            if piece := text[start : sign.start()].strip():
                key = _KEY.match(piece)
                value = read_literal(piece[key.end() :] if key else piece, where, budget)
                if key:
                    values[key[1]] = value
                else:
                    given.append(value)
            start = sign.end()
            if mark == ")":
                return _named(name, given, where, words) | values, sign.end()
        depth += (mark in ("{", "[", "(")) - (mark in ("}", "]", ")"))
    raise Reject(Reason.STEP_ACTION_BAD.at(where, f"the call of {clip(name)} has no end"))


def _named(name: str, given: list[Any], where: str, words: Words) -> dict[str, Any]:
    """The arguments without a name, by their places. What is typed, opened or answered is a text, whatever signs it has."""
    if name == "hotkey":
        return {"keys": given[0] if len(given) == 1 and isinstance(given[0], list) else given} if given else {}
    made = words.names.get(word_of(name), "")
    if made in ("scroll", "swipe") and len(given) == 1 and str(given[0]).lower() in _WAYS:
        return {"direction": given[0]}
    places = _PLACES.get(name.lower(), _PLACES_OF.get(made, _POINTED if made in WITH_POINT or not made else ()))
    if places[:1] in (("x",), ("x1",)):  # a point may be one argument
        given = [number for one in given for number in (one if isinstance(one, (list, tuple)) and len(one) == 2 else (one,))]
    if len(given) > len(places):
        expected = f"expected {', '.join(places)}" if places else "expected none"
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{clip(name)} has {counted(len(given), 'argument')} without a name; {expected}"))
    return dict(zip(places, given, strict=False))


def read_code(text: str, where: str, budget: Budget, words: Words = COMMON, notes: list[Finding] | None = None, trail: Trail | None = None) -> Action:
    """The one action of this code. A move before a click or a drag says where it begins; pauses beside another action are left out, and `notes` get a
    finding that says so. `trail` gets the arguments that are read. Several actions become `other`, which has the code as text and is written for no model. Raises Reject."""
    text = text.strip()
    if text.upper() in _WORDS:
        return Action(name=_WORDS[text.upper()])
    actions: list[Action] = []
    calls = read_calls(text, where, budget, words)
    at: Point | None = None
    left_out = 0  # pauses
    for call in calls:
        if trail is not None:
            trail.add(f"{where}.{call.name}", call.arguments, _READ)
        action = _action(call, at, where, words)
        if action.name == "other":  # where the pointer is after it is not known
            return Action(name="other", text=text)
        if action.name == "hover":
            at = action.point
        if actions and actions[-1].name == "hover" and action.name in _AT_POINTER and action.point in (None, actions[-1].point):
            actions.pop()
        if action.name == "wait" and len(calls) > 1:
            left_out += 1
        else:
            actions.append(action)
    if not actions:
        pauses = f"the code only pauses, {len(calls)} times; expected one pause, or an action" if calls else "the step has no action"
        raise Reject(Reason.STEP_ACTION_BAD.at(where, pauses))
    if len(actions) == 1 and left_out and notes is not None:
        notes.append(Reason.STEP_TEXT_LEFT_OUT.at(where, f"{counted(left_out, 'pause')} beside the action"))
    return actions[0] if len(actions) == 1 else Action(name="other", text=text)


_RAW = frozenset(("keydown", "keyup", "mousedown", "mouseup", "dragrel", "moverel"))
_RELATIVE = frozenset(("move", "drag"))  # pyautogui's other names for moveRel and dragRel
_AT_POINTER = frozenset(("tap", "double_tap", "triple_tap", "right_tap", "middle_tap", "drag", "scroll"))


def _action(call: Call, at: Point | None, where: str, words: Words) -> Action:
    """One call; `at` is where the pointer is."""
    name, fields = call.name, dict(call.arguments)
    if name.lower() in _RAW or (name in _RELATIVE and call.module == "pyautogui"):
        return Action(name="other", text=name)
    if name == "do" and isinstance(fields.get("action"), str):
        name = fields.pop("action")
        if isinstance(duration := fields.get("duration"), str):
            fields["duration"] = _milliseconds(duration, where)
    if fields.get("seconds") is not None:
        fields["duration"] = _milliseconds(str(fields.pop("seconds")), where)
    elif name in ("moveTo", "dragTo", "write", "typewrite", "click"):
        fields.pop("duration", None)  # how long the pointer takes
    if isinstance(fields.get("keys"), list) and len(fields["keys"]) == 1:
        fields["keys"] = fields["keys"][0]
    if name.lower() in ("scroll", "hscroll", "vscroll") and "clicks" in fields:
        fields["wheel"] = fields.pop("clicks")  # pyautogui's are steps of the wheel; in other logs `clicks` has no direction
    return action_of(name, _with_point(name, fields, at), words, where)


def _with_point(name: str, fields: dict[str, Any], at: Point | None) -> dict[str, Any]:
    """A drag begins where the pointer is, and so does a click without a place."""
    if name == "dragTo" and not fields.keys() & {"from_coord", "to_coord"}:  # which Aguvis has
        return {"point": list(at) if at else None, "end": [fields.get("x"), fields.get("y")]}
    if at is not None and name.lower().endswith(("click", "scroll")) and not fields.keys() & {"x", "y", "start_box", "point"}:
        return fields | {"point": list(at)}
    return fields


def _milliseconds(text: str, where: str) -> float:
    """How long `2 seconds`, `500 ms` or `2` are. A number without a unit is of seconds, as in zai-org/Open-AutoGLM phone_agent/actions/handler.py."""
    found = _DURATION.fullmatch(text.strip().lower()) if len(text) < 100 else None
    size = None if found is None else next((size for size, units in _UNITS.items() if (found[2] or "s") in units), None)
    if found is None or size is None:
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{clip(text)} is not a duration such as 2 seconds, 500 ms or 1 minute"))
    return round(float(found[1]) * size, 6)
