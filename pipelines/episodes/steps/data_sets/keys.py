"""The keys under which GUI data sets have what belongs to an action, the usual ones first."""

from __future__ import annotations

import re
from collections.abc import Mapping

SIZED_POINT = "mouse_position"  # ScreenAgent's, whose x is called width and whose y height
# What belongs to an action -> its keys, the first that is there. A point is a list [x, y], an object, or two numbers under two keys.
POINT = (
    "coordinate",
    "coordinates",
    "point",
    "position",
    "touch",
    "click_point",
    "start",
    "start_point",
    "start_coordinate",
    "location",
    "element",
    "start_box",
    "from",
    "from_coord",
    "path",
    SIZED_POINT,
)
END = ("end", "end_point", "end_coordinate", "coordinate2", "lift", "to_point", "to_coord", "end_box", "to", "target")
# Under these keys, a text, a number or an object may be something else, such as an element or a time.
LOOSE = frozenset(("position", "touch", "start", "location", "element", "from", "path", "end", "lift", "to", "target"))
LOOSE_POINT = LOOSE & frozenset(POINT)
# Of a drag in Anthropic's tool computer, `coordinate` is the end.
DRAG_START, DRAG_POINT, DRAG_END = "start_coordinate", tuple(key for key in POINT if key != "coordinate"), (*END, "coordinate")
# What is held in a click of that tool.
HELD = re.compile(r"(?:(?:shift|ctrl|control|alt|super|cmd|meta|win)(?:\+|$))+")
PAIRS = (("x", "y"), ("x1", "y1"), ("start_x", "start_y"), ("touch_x", "touch_y"), ("position_x", "position_y"), ("press_position_x", "press_position_y"))
END_PAIRS = (("x2", "y2"), ("to_x", "to_y"), ("end_x", "end_y"), ("lift_x", "lift_y"), ("release_position_x", "release_position_y"))
# Of a tap, these are another corner or another place. The place where a finger left the screen is no other place, and a target may be an element.
SECOND, SECOND_PAIRS = END[:4], END_PAIRS[:3]
RECTS = ("bounding_box_rect", "bbox", "bounding_box", "rect")  # x, y, width, height: the first as four numbers, the others as an object
TEXT = ("text", "value", "content", "message", "input_text", "typed_text", "text_content", "answer", "action_value")
KEY = ("key", "keys", "button", "text", "value", "keycode")
URL = ("url", "text", "value", "goto")
APP = ("app_name", "app", "package", "text", "value")
OTHER_TEXTS = ("package", "keycode", "button")  # say the same as another key in other words, or something else
# A key that `ignore` names does not count for the place or the text of an action.
IGNORABLE = frozenset((*POINT, *END, *RECTS, *TEXT, *URL, *APP, "key", "keys", "keycode", *(key for pair in (*PAIRS, *END_PAIRS) for key in pair)))
DIRECTION = ("direction", "scroll_direction")
DURATION = ("duration", "time")
# Durations whose key says their unit -> how many milliseconds it has.
DURATIONS: Mapping[str, int] = {
    **dict.fromkeys(("duration_ms", "time_ms", "milliseconds", "wait_ms"), 1),
    **dict.fromkeys(("seconds", "secs", "duration_seconds", "duration_s", "duration_sec", "time_seconds", "wait_seconds"), 1000),
}
NAME = ("action_type", "type", "action", "name", "op", "function", "action_name", "mouse_action_type", "keyboard_action_type")
NAMES_OF_TOOLS = ("name", "function")  # where a call has the name of its tool
# What stands under such a key instead of an action, without signs.
TOOLS = frozenset(
    (
        *("function", "functioncall", "tool", "toolcall", "tooluse", "mobileuse", "computeruse", "browseruse", "computer", "computercall"),
        *("mouseaction", "keyboardaction"),
        *("action", "guiaction", "gui", "mouse", "keyboard", "touchscreen", "android", "mobile", "phone", "desktop", "browser", "web"),
    )
)
ARGUMENTS = ("parameters", "arguments", "args", "kwargs")
TOOLS_IN_SECONDS = ("mobile_use", "computer_use")  # Qwen's tools: `time` is in seconds (AgentCPM-GUI eval/utils/qwen_mobile_tool.py @ acbaf50)
STATUS = ("status", "goal_status")
OUTCOMES = ("success", "is_success")  # true or false
# How often, and with which button of the mouse.
COUNTS = ("clicks", "num_clicks", "click_count", "presses", "num_presses", "num_taps", "count", "times", "repeat", "repeats")
AMOUNTS = ("amount", "scroll_amount", "distance", "magnitude")  # how far a scroll goes
BUTTON = "button"
# Wheels: (to the right, down), as browsers have them; or up, as Qwen's computer_use has it, and pyautogui, whose steps are under `wheel`.
WHEELS = (("scroll_x", "scroll_y"), ("scrollX", "scrollY"), ("right", "down"))
WHEELS_OF_SCROLLS = (("delta_x", "delta_y"), ("deltaX", "deltaY"))  # of a swipe, they may be the way of the finger
WHEEL_UP = ("pixels", "wheel")
# What is done besides: keys that are held, a field that is emptied, Enter after a text. No form has words for it.
BESIDES = (
    *("modifiers", "modifier_keys", "modifier", "modifier_key", "hold_keys", "hold_key", "keys_to_hold"),
    *("press_enter", "press_enter_after", "pressEnter", "enter", "submit"),
    *("clear", "clear_text", "clear_first", "clear_before", "clear_before_typing", "overwrite", "replace"),
)
# The same where they are true. Under some of these names, a text is something else.
FLAGS = (
    *("shift", "ctrl", "control", "alt", "meta", "cmd", "command", "shift_key", "ctrl_key", "alt_key", "meta_key", "shiftKey", "ctrlKey", "altKey", "metaKey"),
    *("right_click", "is_right_click", "double", "double_click", "is_double_click", "is_double", "long", "is_long_press", "hold", "press_return"),
)
# Only an action's own object has these: in a step, they may be something else.
OWN_KEYS = frozenset((*OUTCOMES, *FLAGS, *AMOUNTS, "count", "times", "repeat", "repeats", "seconds", "secs"))
# Keys of AITW and Mind2Web for what belongs to an action -> the usual ones.
RENAMED: Mapping[str, str] = {
    "result_touch_yx": "point",
    "results/yx_touch": "point",
    "result_lift_yx": "end",
    "results/yx_lift": "end",
    "result_action_text": "text",
    "results/type_action": "text",
    "type_text": "text",
    "touch_coord": "point",  # AMEX
    "lift_coord": "end",
    "gt_bbox": "point",  # GUI-R1
    "gt_input_text": "text",
    "mouse_button": "button",  # ScreenAgent
    "keyboard_key": "key",
    "keyboard_text": "text",
    "wait_time": "duration",
}
ACTION_KEYS = frozenset(
    (
        *(*NAME, *POINT, *END, *TEXT, *KEY, *APP, *URL, *DIRECTION, *DURATION, *DURATIONS, *STATUS, *OUTCOMES, *RECTS, *RENAMED, "original_op"),
        *(*COUNTS, *AMOUNTS, BUTTON, "pixels", *BESIDES, *FLAGS),
        *(key for pair in (*PAIRS, *END_PAIRS, *WHEELS, *WHEELS_OF_SCROLLS) for key in pair),
    )
)
