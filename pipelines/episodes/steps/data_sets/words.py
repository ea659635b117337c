"""The names that GUI data sets use for actions -> our names.

To add a data set's names, add words to `_COMMON` or a table beside it. What no table has is refused by name, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

# The names that `Action.name` may have, each with what it must have: a point, a text, a direction.
ACTIONS: Mapping[str, str] = {
    "tap": "point",
    "double_tap": "point",
    "triple_tap": "point",
    "right_tap": "point",
    "middle_tap": "point",
    "long_press": "point",
    "hover": "point",
    "swipe": "direction",  # of a finger
    "drag": "point end",  # of a mouse
    "scroll": "direction",  # of a wheel: down shows what is further down
    "type": "text",
    "select": "text",
    "key": "text",
    "hotkey": "text",
    "open_app": "text",
    "answer": "text",
    "open_url": "text",
    "call_user": "",
    "forward": "",
    "home": "",
    "back": "",
    "enter": "",
    "recent": "",
    "wait": "",
    "finish": "",
    "impossible": "",
}
ENDS = frozenset(("finish", "impossible"))
ENDINGS = frozenset(("status", "finish", "finished", "done", "terminate", "stop"))  # names that say that an episode ends, and not how
WITH_POINT = frozenset((*(name for name, needs in ACTIONS.items() if "point" in needs or "direction" in needs), "type", "select"))


class Words(NamedTuple):
    """The names of one family of logs: name in lower case without signs -> name of ACTIONS. `scroll` says what a scroll's direction is of: what is
    shown (content), or the finger. `seconds`: durations are in seconds, and not in milliseconds.
    `unclear`: actions whose meaning is not documented -> what is not, and what to write."""

    names: Mapping[str, str]
    scroll: str = "content"
    seconds: bool = False
    unclear: Mapping[str, str] = MappingProxyType({})
    types_at_a_place: bool = True  # whether the point of a typed text means anything
    zero_is_unset: bool = False  # whether a duration of 0 says that none was logged
    no_text: tuple[str, ...] = ()  # what is written where an action has no text


_COMMON = {
    "tap": ("click", "tap", "leftclick", "leftsingle", "singleclick", "singletap", "press_point", "touch", "clickat", "clickelement"),
    "double_tap": ("doubleclick", "doubletap", "leftdouble"),
    "triple_tap": ("tripleclick",),
    "right_tap": ("rightclick", "rightsingle"),
    "middle_tap": ("middleclick",),
    "long_press": ("longpress", "longclick", "longtap", "presshold", "pressandhold", "tapandhold", "touchandhold", "clickhold", "longpoint"),
    "hover": ("hover", "moveto", "mousemove", "move"),
    "swipe": ("swipe", "slide", "fling"),
    "drag": ("drag", "dragto", "leftclickdrag", "draganddrop", "selecttext"),
    "scroll": ("scroll", "vscroll", "hscroll"),
    "type": ("type", "inputtext", "input", "text", "entertext", "typetext", "typing", "write", "typewrite", "settext", "fill", "inserttext", "typename"),
    "select": ("select", "selectoption"),
    "key": ("key", "keypress", "presskey", "pressbutton", "press", "systembutton", "keyevent"),
    "hotkey": ("hotkey", "shortcut", "keycombination"),
    "open_app": ("openapp", "open", "launch", "launchapp", "startapp", "appopen", "awake"),
    "answer": ("answer", "response"),
    "open_url": ("openurl", "goto", "gotourl", "navigate"),
    "call_user": ("calluser", "askuser", "takeover", "interact", "info"),
    "forward": ("goforward",),
    "home": ("home", "navigatehome", "presshome", "keyhome", "gohome", "homebutton"),
    "back": ("back", "navigateback", "pressback", "keyback", "goback", "gobackward", "backbutton"),
    "enter": ("enter", "keyboardenter", "pressenter", "keyenter"),
    "recent": ("recent", "pressrecent", "keyappselect", "appselect", "appswitch", "overview", "recentapps"),
    "wait": ("wait", "sleep", "noaction", "noop", "pause"),
    "finish": (
        *("status", "finish", "finished", "complete", "completed", "done", "taskcomplete", "taskcompleted", "statustaskcomplete", "terminate", "stop"),
        *("success", "successful", "succeeded", "succeed", "completetask", "finishtask"),
    ),
    "impossible": (
        *("impossible", "infeasible", "incomplete", "statustaskimpossible", "taskimpossible", "fail", "failed", "failure", "unsuccessful", "callusererror"),
    ),
}


def _by_word(table: Mapping[str, Iterable[str]]) -> dict[str, str]:
    return {word.replace("_", ""): name for name, words in table.items() for word in words}


# AndroidControl, AndroidWorld, GUI-Odyssey and logs like theirs. google-research/google-research android_control; OpenGVLab/GUI-Odyssey introduction.md @ fefcbe9.
COMMON = Words(_by_word(_COMMON))
ODYSSEY = Words(COMMON.names, scroll="finger")
_A_SWIPE = "write it as a swipe between two points"
OS_ATLAS = Words(COMMON.names, unclear={"scroll": f"whether its SCROLL [UP] moves the finger or what is shown; {_A_SWIPE}"})
# google-research android_in_the_wild action_type.py; 0 and 1 are AgentCPM-GUI's, eval/utils/action_type.py @ acbaf50.
AITW = Words(
    {"0": "long_press", "1": "wait", "3": "type", "4": "dual", "5": "back", "6": "home", "7": "enter", "10": "finish", "11": "impossible", **COMMON.names}
    | {"dualpointgesture": "dual"},
    types_at_a_place=False,
    zero_is_unset=True,  # AgentCPM-GUI eval/eval_data/process_odyssey.py @ acbaf50 writes it
)
# YuxiangChai/AMEX, as ZJULiHongxin/UIPro utils/data_utils/make_amex_data @ 8ea2b23 reads it.
AMEX = Words(COMMON.names, types_at_a_place=False)
SCREEN_AGENT = Words({**COMMON.names, "waitaction": "wait"}, seconds=True)  # niuzaisheng/ScreenAgent client/action.py @ 298e335
# GUI-R1 takes its scrolls from data sets that mean the finger and from others that mean what is shown.
GUI_R1 = Words(
    COMMON.names,
    unclear=dict.fromkeys(("scroll", "swipe"), f"whether a direction is that of the finger or of what is shown; {_A_SWIPE}"),
    no_text=("no input text",),
)
# page_executor/text_executor.py presses Enter after each text, simple_vision_executor.py does not (THUDM/Android-Lab @ 373fc1d).
ANDROID_LAB = Words(COMMON.names, seconds=True, unclear={"type": "whether Enter is pressed after this text; write Press Enter as a step of its own"})
# Keys that are pressed by name and have an action of their own on a phone. A bare `home` may be the key of a keyboard, which goes to the start of a line:
# it is the button only where the log says so, as KEY_HOME and KEYCODE_HOME do, and the names in BUTTONS.
KEYS = {"home": "home", "back": "back", "enter": "enter", "return": "enter", "appselect": "recent", "recent": "recent", "appswitch": "recent"}
BUTTONS = frozenset(("systembutton", "pressbutton", "keyevent"))
# Names such as scroll_down say the direction too.
DIRECTED = re.compile(r"(scroll|swipe|slide|fling)(up|down|left|right)")
