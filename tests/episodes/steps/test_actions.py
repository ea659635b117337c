"""What an action becomes, or why it is refused: no part of it is lost, and none is invented."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.episodes.steps.actions import action_of
from pipelines.episodes.steps.actions.code import read_code
from pipelines.episodes.steps.actions.points import number_of
from pipelines.episodes.steps.data_sets.words import COMMON
from pipelines.parsing.budget import Budget
from pipelines.reasons import Reject
from pipelines.records import Action, Point
from tests.episodes.steps.records import answers, rows_of, stepwise
from tests.making import configuration, refusals, run

BUDGET = Budget(configuration().limits, 10_000)
HERE = Point(1, 2)


def read(text: str) -> Action:
    return read_code(text, "here", BUDGET)


def made(**fields: Any) -> Action:
    return action_of(fields.pop("action"), fields, COMMON, "here")


def why(action: Any) -> str:
    with pytest.raises(Reject) as caught:
        action()
    return caught.value.findings[0].detail


@pytest.mark.parametrize(
    ("code", "action"),
    [
        ("pyautogui.click(1, 2, button='right')", Action(name="right_tap", point=HERE)),
        ("pyautogui.click(1, 2, 1, 0.1, 'right')", Action(name="right_tap", point=HERE)),
        ("pyautogui.click(1, 2, clicks=3)", Action(name="triple_tap", point=HERE)),
        ("pyautogui.press('tab', presses=2)", Action(name="key", text="tab+tab")),
        ("pyautogui.press('enter', presses=2)", Action(name="key", text="enter+enter")),
        ("pyautogui.press('home')", Action(name="key", text="home")),  # of a keyboard: the start of a line
        ("pyautogui.press(['enter'])", Action(name="enter")),
        ("swipe(1, 9, 1, 2)", Action(name="swipe", point=Point(1, 9), end=HERE, direction="up")),
        ("swipe(from_coord=[1, 9], to_coord=[1, 2])", Action(name="swipe", point=Point(1, 9), end=HERE, direction="up")),
        ("scroll(direction='down', clicks=5)", Action(name="scroll", direction="down")),
        ("pyautogui.scroll(clicks=-5, direction='down')", Action(name="scroll", direction="down")),
        ("pyautogui.scroll('-5')", Action(name="scroll", direction="down")),
        ("pyautogui.hscroll(-5)", Action(name="scroll", direction="left")),
        ('do(action="Wait", duration="2 seconds")', Action(name="wait", duration=2000)),
        ('do(action="Wait", duration="2 minutes")', Action(name="wait", duration=120_000)),
        ('do(action="Wait", duration="500 ms")', Action(name="wait", duration=500)),
        ('do(action="Wait", duration="1.5")', Action(name="wait", duration=1500)),
        ("time.sleep(1.1)", Action(name="wait", duration=1100)),
        ("wait(seconds='3')", Action(name="wait", duration=3000)),
        ("type('hello')", Action(name="type", text="hello")),
        ("type('5')", Action(name="type", text="5")),
        ("input_text('13')", Action(name="type", text="13")),
        ("set_text('1,2')", Action(name="type", text="1,2")),
        ("open('13')", Action(name="open_app", text="13")),
        ("goto('1.1.1.1')", Action(name="open_url", text="1.1.1.1")),
        ("press_key('5')", Action(name="key", text="5")),
        ("finished('13')", Action(name="finish", text="13")),
        ("pyautogui.click((1, 2), clicks=2)", Action(name="double_tap", point=HERE)),
        ("swipe([1, 9], [1, 2])", Action(name="swipe", point=Point(1, 9), end=HERE, direction="up")),
        ("pyautogui.dragTo(from_coord=[3, 4], to_coord=[1, 2])", Action(name="drag", point=Point(3, 4), end=HERE)),
        ("scroll('Down')", Action(name="scroll", direction="down")),
        ("swipe('up')", Action(name="swipe", direction="up")),
        ("from pyautogui import click\nclick(1, 2)", Action(name="tap", point=HERE)),
        ("from pyautogui import click as c, moveTo; import time\nc(1, 2)", Action(name="tap", point=HERE)),
        ("from pyautogui import (\n    moveTo,\n    doubleClick,\n)  # the mouse\nmoveTo(1, 2)\ndoubleClick()", Action(name="double_tap", point=HERE)),
        ("from pyautogui import *\nclick(1, 2)", Action(name="tap", point=HERE)),
        ("from time import sleep\nsleep(2)", Action(name="wait", duration=2000)),
        ("import time, pyautogui as pg\npg.click(1, 2)", Action(name="tap", point=HERE)),
        ("pyautogui.moveTo(1, 2)\npyautogui.doubleClick()", Action(name="double_tap", point=HERE)),
    ],
)
def test_code_is_read_with_all_its_arguments(code: str, action: Action):
    assert read(code) == action


@pytest.mark.parametrize(
    "code",
    [
        "pyautogui.click(1, 2, clicks=4)",
        "pyautogui.click(1, 2, clicks=2, button='right')",
        "pyautogui.doubleClick(1, 2, button='right')",
        "pyautogui.write(['a', 'enter'])",
        "pyautogui.hotkey('ctrl', 'z', presses=3)",
        "pyautogui.press(['a', 'b'], presses=2)",
        "pyautogui.move(10, 20)",  # to the right and down from where the pointer is
        "pyautogui.drag(100, 0, button='left')",
        "pyautogui.move(10, 20)\npyautogui.click()",
        "import pyautogui as pg\npg.move(10, 20)",
        "from pyautogui import move\nmove(10, 20)",
        "from pyautogui import *\nmove(10, 20)",
        "from pyautogui import moveRel as move_by\nmove_by(10, 20)",
        "pyautogui.moveTo(1, 2)\npyautogui.press('a')",
        "pyautogui.moveTo(1, 2)\npyautogui.click(3, 4)",
    ],
)
def test_code_that_no_form_has_words_for_is_written_for_no_model(code: str):
    assert read(code).name == "other"


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("pyautogui.scroll(0)", "scroll has no direction"),
        ("time.sleep(2)\ntime.sleep(3)", "the code only pauses, 2 times"),
        ("back(2)", "'back' has 1 argument without a name; expected none"),
        ("input_text(5, 6, 'a')", "'input_text' has 3 arguments without a name; expected text"),
        ("click('5', '6')", "where a point is expected"),
        ("import(5, 6)", "'import' is not the name of a known action"),
        ("from pyautogui import click, if you can\nclick(5, 6)", "expected calls with literals, found 'from pyautogui"),
        ("pyautogui.click(1, 2, 3, 4, 'left', 6)", "has 6 arguments without a name"),
        ("pyautogui.dragTo(1, 2)", "drag has no point"),
        ("computer.terminate(status='perhaps')", "found 'perhaps' as the status"),
        ('do(action="Wait", duration="2 or 3 seconds")', "'2 or 3 seconds' is not a duration"),
        ('do(action="Wait", duration="2 days")', "'2 days' is not a duration"),
        ("time.sleep('-1')", "'-1' is not a duration"),
        ("swipe(direction='sideways')", "is not a direction"),
        ("pyautogui.scroll(clicks=-5, direction='up')", "direction says up, and wheel says down"),
        ("pyautogui.scroll('five', direction='up')", "wheel is 'five', which is not a number"),
    ],
)
def test_code_that_says_too_little_is_refused(code: str, detail: str):
    assert detail in why(lambda: read(code))


@pytest.mark.parametrize(
    ("code", "pauses"),
    [
        ("pyautogui.click(54, 120)\ntime.sleep(2)", "1 pause beside the action"),
        ("pyautogui.sleep(1)\nclick(54, 120)\nwait(2)", "2 pauses beside the action"),
    ],
)
def test_a_pause_beside_an_action_is_noted(code: str, pauses: str):
    record = {"goal": "Go.", "steps": [{"screenshot": "s0.png", "action": code}]}
    (row,) = rows_of(record, stepwise("plain", coordinates={"from": "px"}))
    assert answers([row]) == [{"action": "tap", "point": [500, 500]}]
    assert [(finding.code, finding.where, finding.detail) for finding in row.findings] == [("step.text_left_out", "steps[0].action", pauses)]


def test_an_argument_that_nothing_reads_is_counted_and_refused_where_it_may_matter():
    config = stepwise("plain", coordinates={"from": "px"})
    for argument, found in (("tween='x'", []), ("alternative_action='drag'", [("schema.field_unread", "steps[0].action.click.alternative_action")])):
        record = {"goal": "Go.", "steps": [{"screenshot": "s0.png", "action": f"click(54, 120, {argument})"}]}
        assert [(finding.code, finding.where) for finding in run(record, config, {"s0.png": (108, 240)})[0].findings] == found


@pytest.mark.parametrize(
    ("fields", "action"),
    [
        ({"action": "click", "coordinate": [1, 2], "button": "right"}, Action(name="right_tap", point=HERE)),
        ({"action": "click", "coordinate": [1, 2], "button": None, "clicks": 2}, Action(name="double_tap", point=HERE)),
        ({"action": "click", "coordinate": [1, 2], "clicks": "2"}, Action(name="double_tap", point=HERE)),
        ({"action": "click", "coordinate": [1, 2], "clicks": 2.0}, Action(name="double_tap", point=HERE)),
        ({"action": "click", "coordinate": [1, 2], "num_clicks": "3.0", "clicks": None}, Action(name="triple_tap", point=HERE)),
        ({"action": "click", "coordinate": [1, 2], "button": " RIGHT "}, Action(name="right_tap", point=HERE)),
        ({"action": "drag", "start": [3, 4], "end": [1, 2], "button": "Left"}, Action(name="drag", point=Point(3, 4), end=HERE)),
        ({"action": "press", "key": "a", "presses": 2.0}, Action(name="key", text="a+a")),
        ({"action": "click", "coordinate": [1, 2], "element": "the button"}, Action(name="tap", point=HERE)),
        ({"action": "click", "point": "[.5, 2e-1]"}, Action(name="tap", point=Point(0.5, 0.2))),
        ({"action": "click", "x": 0, "y": 0, "coordinate": None}, Action(name="tap", point=Point(0, 0))),
        ({"action": "scroll", "start": [1, 9], "end": [1, 2]}, Action(name="swipe", point=Point(1, 9), end=HERE, direction="up")),
        ({"action": "scroll", "start": [1, 9], "end": [1, 2], "direction": "down"}, Action(name="swipe", point=Point(1, 9), end=HERE, direction="up")),
        ({"action": "scroll", "x": 1, "y": 2, "scroll_x": 0, "scroll_y": 300}, Action(name="scroll", point=HERE, direction="down")),
        ({"action": "drag", "path": [{"x": 3, "y": 4}, {"x": 1, "y": 2}]}, Action(name="drag", point=Point(3, 4), end=HERE)),
        ({"action": "scroll", "direction": "down", "pixels": 300}, Action(name="scroll", direction="down")),
        ({"action": "scroll", "direction": "down", "scroll_x": 0, "scroll_y": 0}, Action(name="scroll", direction="down")),
        ({"action": "click", "element": {"x": 10, "y": 20, "width": 80, "height": 40}}, Action(name="tap", point=Point(50, 40))),
        ({"action": "click", "bbox": {"x": 10, "y": 20, "w": 80, "h": 40}}, Action(name="tap", point=Point(50, 40))),
        ({"action": "click", "element": [[10, 20, 90, 60]]}, Action(name="tap", point=Point(50, 40))),
        ({"action": "click", "point": [1, 2], "end": [1, 2], "lift": [3, 4]}, Action(name="tap", point=HERE)),
        ({"action": "click", "x": 1, "y": 2, "x2": 0, "y2": 0}, Action(name="tap", point=HERE)),
        ({"action": "SCROLL_DOWN"}, Action(name="scroll", direction="down")),
        ({"action": "swipe_up", "direction": "up", "coordinate": [1, 2]}, Action(name="swipe", point=HERE, direction="up")),
        ({"action": "status", "goal_status": "successful"}, Action(name="finish")),
        ({"action": "scroll", "pixels": -300}, Action(name="scroll", direction="down")),
        ({"action": "swipe", "start": [1, 9], "end": [1, 2], "direction": "up"}, Action(name="swipe", point=Point(1, 9), end=HERE, direction="up")),
        ({"action": "system_button", "button": "Home"}, Action(name="home")),
        ({"action": "key", "key": "KEYCODE_HOME"}, Action(name="home")),
        ({"action": "press", "key": "home"}, Action(name="key", text="home")),
        ({"action": "press", "key": "back"}, Action(name="back")),
        ({"action": "long_press", "coordinate": [1, 2], "time": ""}, Action(name="long_press", point=HERE)),
        ({"action": "type", "text": "a", "press_enter": False, "clear_text": None}, Action(name="type", text="a")),
        ({"action": "status", "goal_status": "infeasible"}, Action(name="impossible")),
        ({"action": "finish", "status": "success", "goal_status": "complete"}, Action(name="finish")),
        ({"action": "infeasible", "status": "failure"}, Action(name="impossible")),
        ({"action": "type", "text": "a", "clicks": 0}, Action(name="type", text="a")),
        ({"action": "click", "x": 1, "y": 2, "coordinate": [1.0, 2.4], "position": "<point>1,2</point>"}, Action(name="tap", point=HERE)),
        ({"action": "click", "point": [1, 2], "bounding_box_rect": "0,0,9,9", "element": [0, 0, 4, 4]}, Action(name="tap", point=HERE)),
        ({"action": "click", "x": -1, "y": -1, "point": [1, 2]}, Action(name="tap", point=HERE)),
        ({"action": "click", "x": 1, "y": 2, "path": "s_1.png", "location": 7, "target": {"id": 3}, "end": "12:30"}, Action(name="tap", point=HERE)),
        ({"action": "click", "location": {"id": 3}, "path": [1, 2]}, Action(name="tap", point=HERE)),
        ({"action": "type", "text": "a", "element": "field 2"}, Action(name="type", text="a")),
        ({"action": "type", "text": "a", "element": {"id": 3, "name": "field"}}, Action(name="type", text="a")),
        ({"action": "type", "text": "a", "location": "Room 5", "position": 3}, Action(name="type", text="a")),
        ({"action": "type", "text": "a", "element": "field 2", "point": [1, 2]}, Action(name="type", text="a", point=HERE)),
        ({"action": "scroll", "direction": "down", "start": 1712.5, "end": 1713.5}, Action(name="scroll", direction="down")),
        ({"action": "swipe", "direction": "up", "start": "10:12:30", "path": "/data/1/2.json"}, Action(name="swipe", direction="up")),
        ({"action": "swipe", "path": [[1, 9], [1, 2]], "start": [1, 9], "to": [1, 2]}, Action(name="swipe", point=Point(1, 9), end=HERE, direction="up")),
        ({"action": "type", "text": "", "value": "a", "content": "a"}, Action(name="type", text="a")),
        ({"action": "type", "text": 13, "value": "13"}, Action(name="type", text="13")),
        ({"action": "open_app", "app_name": "Clock", "package": "com.clock"}, Action(name="open_app", text="Clock")),
        ({"action": "key", "keys": ["a"], "text": "a", "keycode": 29}, Action(name="key", text="a")),
        ({"action": "wait", "duration_ms": 300}, Action(name="wait", duration=300)),
        ({"action": "left_click", "coordinate": [1, 2], "text": "Shift to the left"}, Action(name="tap", point=HERE)),
        ({"action": "left_click_drag", "start_coordinate": [3, 4], "coordinate": [1, 2]}, Action(name="drag", point=Point(3, 4), end=HERE)),
        ({"action": "drag", "start_coordinate": [3, 4], "coordinate": [3, 4], "end": [1, 2]}, Action(name="drag", point=Point(3, 4), end=HERE)),
        ({"action": "TYPING", "text": "a"}, Action(name="type", text="a")),
        ({"action": "wait", "seconds": 1.1, "duration": 1100}, Action(name="wait", duration=1100)),
        ({"action": "finish", "success": False}, Action(name="impossible")),
        ({"action": "done", "success": True, "status": "complete"}, Action(name="finish")),
        ({"action": "click", "x": 1, "y": 2, "count": 2}, Action(name="double_tap", point=HERE)),
        ({"action": "press", "key": "tab", "times": 2}, Action(name="key", text="tab+tab")),
        ({"action": "scroll", "delta_x": 0, "delta_y": 300}, Action(name="scroll", direction="down")),
        ({"action": "scroll", "direction": "up", "amount": 3, "distance": "long"}, Action(name="scroll", direction="up")),
        ({"action": "click", "x": 1, "y": 2, "shift": False, "alt": "the button", "control": "Button"}, Action(name="tap", point=HERE)),
    ],
)
def test_objects_are_read_with_all_their_keys(fields: dict[str, Any], action: Action):
    assert made(**fields) == action


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "type", "text": "a", "press_enter": True},
        {"action": "type", "text": "a", "press_return": True},
        {"action": "click", "coordinate": [1, 2], "ctrlKey": True},
        {"action": "left_click", "coordinate": [1, 2], "text": "shift"},
        {"action": "left_click", "coordinate": [1, 2], "text": "ctrl+shift"},
        {"action": "click", "coordinate": [1, 2], "right_click": "true"},
        {"action": "click", "coordinate": [1, 2], "double_click": True},
        {"action": "click", "coordinate": [1, 2], "modifier_key": "shift"},
        {"action": "input_text", "text": "a", "clear_text": True},
        {"action": "click", "coordinate": [1, 2], "modifiers": ["ctrl"]},
        {"action": "type", "text": ["a", "b"]},
        {"action": "click", "coordinate": [1, 2], "clicks": 2, "modifiers": ["ctrl"]},
        {"action": "hotkey", "keys": ["ctrl", "z"], "presses": 3},
        {"action": "press", "keys": ["a", "b"], "presses": 2},
        {"action": "drag", "start": [1, 2], "end": [3, 4], "button": "RIGHT "},
        {"action": "long_press", "coordinate": [1, 2], "button": "right"},
    ],
)
def test_an_action_that_does_something_besides_is_written_for_no_model(fields: dict[str, Any]):
    assert made(**fields).name == "other"


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"action": "swipe", "start": [1, 9], "end": [1, 2], "direction": "down"}, "the direction is down, and the way between the two points is up"),
        ({"action": "scroll", "start": [1, 9], "end": [1, 2], "direction": "left"}, "the direction is left"),
        ({"action": "scroll", "scroll_x": 5, "scroll_y": 5}, "5 to the right and 5 down"),
        ({"action": "scroll", "scroll_y": -3, "direction": "down"}, "direction says down, and scroll_y says up"),
        ({"action": "scroll", "scroll_y": 100, "pixels": 500}, "scroll_y says down, and pixels says up"),
        ({"action": "scroll", "pixels": -500, "direction": "up"}, "direction says up, and pixels says down"),
        ({"action": "scroll", "direction": "up", "scroll_direction": "down"}, "direction says up, and scroll_direction says down"),
        ({"action": "scroll_up", "scroll_y": 100}, "the name says up, and scroll_y says down"),
        ({"action": "hscroll", "direction": "up"}, "the name says hscroll, and the direction is up"),
        ({"action": "vscroll", "scroll_x": 5}, "the name says vscroll, and the direction is right"),
        ({"action": "hscroll", "pixels": 100}, "do not say whether it is to the left or to the right"),
        ({"action": "scroll", "clicks": 5}, "scroll has no direction"),
        ({"action": "scroll", "direction": "up", "amount": -3}, "amount is '-3'; expected how far it goes, without a sign"),
        ({"action": "scroll", "direction": "down", "delta_y": -300}, "direction says down, and delta_y says up"),
        ({"action": "swipe", "dx": 0, "dy": -300}, "swipe has no direction"),
        ({"action": "scroll", "dx": 0, "dy": -300}, "scroll has no direction"),  # up in OSWorld, down in browsers
        ({"action": "wait", "duration": 2000, "seconds": 5}, "the duration is 2000 ms and seconds is 5000 ms"),
        ({"action": "wait", "seconds": "long"}, "the duration 'long' is not a whole number of milliseconds"),
        ({"action": "complete", "success": False}, "the name says 'complete', and success says 'false'"),
        ({"action": "type", "text": 1.1}, "found a number where the text of type is expected"),
        ({"action": "type", "text": True}, "found a boolean where the text of type is expected"),
        ({"action": "scroll", "scroll_y": "far"}, "scroll_y is 'far', which is not a number"),
        ({"action": "click", "coordinate": [1, 2], "button": "fourth"}, "'fourth' is no button of a mouse"),
        ({"action": "right_click", "coordinate": [1, 2], "button": "left"}, "the name says right_tap, and the button says tap"),
        ({"action": "click", "coordinate": [1, 2], "clicks": "twice"}, "clicks is 'twice'; expected a whole number from 1 to 100"),
        ({"action": "click", "coordinate": [1, 2], "clicks": 1.5}, "clicks is '1.5'"),
        ({"action": "click", "coordinate": [1, 2], "clicks": [2]}, "clicks is '[2]'"),
        ({"action": "click", "coordinate": [1, 2], "clicks": True}, "clicks is 'True'"),
        ({"action": "click", "coordinate": [1, 2], "clicks": 1, "click_count": 2}, "clicks is 1 and click_count is 2"),
        ({"action": "press", "key": "a", "presses": 30000000}, "presses is '30000000'"),
        ({"action": "scroll", "clicks": -5, "direction": "up"}, "clicks is '-5'; expected how far"),
        ({"action": "click", "element": "the button"}, "tap has no point; expected one of coordinate"),
        ({"action": "click", "x": 0, "y": 0, "coordinate": [5, 6]}, "two places are logged, x, y (0, 0) and coordinate (5, 6)"),
        ({"action": "drag", "path": [[1, 2], [3, 4], [5, 6]]}, "where a point is expected"),
        ({"action": "click", "element": [[10, 20], [100, 200]]}, "where a point is expected"),
        ({"action": "click", "element": {"x": 10, "y": 20, "width": 80}}, "where a point is expected"),
        ({"action": "click", "x1": 1, "y1": 2, "x2": 5, "y2": 6}, "tap has one point, and the log has (5, 6) too"),
        ({"action": "click", "point": [1, 2], "end": [5, 6]}, "tap has one point, and the log has (5, 6) too"),
        ({"action": "click", "path": [[1, 2], [3, 4]]}, "where a point is expected"),
        ({"action": "swipe", "path": [[1, 2], [3, 4], [5, 6]]}, "where a point is expected"),
        ({"action": "scroll_down", "direction": "up"}, "the name says down, and direction says up"),
        ({"action": "click", "coordinate": [1, 2], "clicks": 0}, "clicks is '0'; expected a whole number from 1 to 100, or no clicks for once"),
        ({"action": "status"}, "found nothing as the status"),
        ({"action": "impossible", "status": "success"}, "the name says 'impossible', and status says 'success'"),
        ({"action": "complete", "goal_status": "infeasible"}, "the name says 'complete', and goal_status says 'infeasible'"),
        ({"action": "finish", "status": "success", "goal_status": "failure"}, "status says 'success', and goal_status says 'failure'"),
        ({"action": "impossible", "status": "perhaps"}, "found 'perhaps' as the status"),
        ({"action": "click", "coordinate": [1, 2], "point": [7, 8]}, "two places are logged, coordinate (1, 2) and point (7, 8)"),
        ({"action": "click", "x": 1, "y": 2, "touch_x": 7, "touch_y": 8}, "two places are logged, x, y (1, 2) and touch_x, touch_y (7, 8)"),
        ({"action": "click", "x": 0.1, "y": 0.2, "point": [0.1, 0.21]}, "two places are logged"),
        ({"action": "click", "x": 1, "y": 2, "point": [1, 2, 3]}, "where a point is expected"),
        ({"action": "click", "x": 1, "y": 2, "coordinate": "2px"}, "where a point is expected"),
        ({"action": "click", "x": 50, "y": 60, "bounding_box_rect": "1,2,10,10"}, "two places are logged, x, y (50, 60) and bounding_box_rect (6, 7)"),
        ({"action": "click", "element": [0, 0, 10, 10], "start_box": "(20,20,30,30)"}, "two places are logged"),
        ({"action": "swipe", "start": [1, 9], "end": [1, 2], "lift": [9, 2]}, "two places are logged, end (1, 2) and lift (9, 2)"),
        ({"action": "swipe", "path": [[1, 9], [1, 2]], "start": [5, 5]}, "two places are logged, path (1, 9) and start (5, 5)"),
        ({"action": "click", "path": "shots/s_1_2.png"}, "where a point is expected"),
        ({"action": "drag", "point": [1, 2], "end": 1713.5}, "where a point is expected"),
        ({"action": "type", "text": "a", "position": [1, 2, 3]}, "where a point is expected"),
        ({"action": "type", "text": "a", "coordinate": "field 2"}, "where a point is expected"),
        ({"action": "scroll", "direction": "down", "position": "50%, 80%"}, "where a point is expected"),
        ({"action": "scroll", "direction": "down", "position": "540px, 800px"}, "where a point is expected"),
        ({"action": "scroll", "direction": "down", "element": {"left": 1, "top": 2}}, "where a point is expected"),
        ({"action": "swipe", "direction": "up", "start": {"x": 1}}, "where a point is expected"),
        ({"action": "swipe", "direction": "up", "end": {"x": 1}}, "where a point is expected"),
        ({"action": "swipe", "direction": "up", "element": {"bounds": [1, 2, 3]}}, "where a point is expected"),
        ({"action": "swipe", "start": 1712.5, "end": 1713.5}, "swipe has no direction"),
        ({"action": "click", "point": "The 1st of 2 buttons"}, "where a point is expected"),
        ({"action": "type", "text": "a", "value": "b"}, "text says 'a', and value says 'b'"),
        ({"action": "answer", "message": "It is done.", "answer": "4"}, "message says 'It is done.', and answer says '4'"),
        ({"action": "open_app", "app_name": "Clock", "text": "Maps"}, "app_name says 'Clock', and text says 'Maps'"),
        ({"action": "key", "key": "a", "text": "b"}, "key says 'a', and text says 'b'"),
        ({"action": "wait", "duration": 200, "duration_ms": 300}, "the duration is 200 ms and duration_ms is 300 ms"),
        ({"action": "status", "goal_status": "in_progress"}, "found 'in_progress' as the status"),
        ({"action": "type", "text": {"a": 1}}, "found an object where the text of type is expected"),
        ({"action": "wait", "duration": 2}, "the duration '2' is not"),
    ],
)
def test_objects_that_contradict_themselves_or_say_too_little_are_refused(fields: dict[str, Any], detail: str):
    assert detail in why(lambda: made(**fields))


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (None, 0),
        ("", 0),
        (" 0.5 ", 0.5),
        ("-.5e1", -5),
        ("5.", 5),
        (True, None),
        ("5px", None),
        ("1e400", None),
        ("1" * 10**6 + "x", None),
        ("1" * 10**6, None),
    ],
)
def test_a_number_may_be_a_text(value: Any, number: float | None):
    assert number_of(value) == number


def test_an_object_has_its_x_and_its_y_in_any_order():
    assert action_of("click", {"point": {"x": 1, "y": 2}}, COMMON, "here", order="yx").point == HERE
    assert action_of("click", {"point": [2, 1]}, COMMON, "here", order="yx").point == HERE


def named(**action: Any) -> list[Any]:
    return answers(rows_of({"goal": "Go.", "steps": [{"screenshot": "s0.png", "action": action}]}, stepwise("plain", coordinates={"from": "px"})))


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ({"action_type": "click", "type": "touch"}, "tap"),
        ({"action_type": "click", "name": "Back"}, "tap"),  # the name of an element
        ({"type": "mouse", "action": "click"}, "tap"),
        ({"type": "click", "action": "The search field"}, "tap"),
        ({"name": "my_phone", "arguments": {"action": "click"}}, "tap"),
        ({"action_type": "click", "parameters": {"action": "tap"}}, "tap"),
        ({"action_type": "swipe_up", "type": "swipe"}, "swipe"),
        ({"action_type": "swipe", "action": "swipe_up"}, "swipe"),
    ],
)
def test_the_first_key_with_a_name_names_the_action(action: dict[str, Any], kind: str):
    assert named(**action, x=54, y=120)[0]["action"] == kind


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ({"action_type": "pinch", "type": "touch"}, "step.action_unknown"),
        ({"action": "pinch", "parameters": {"action": "click"}}, "step.action_unknown"),
        ({"action_type": "swipe_up", "type": "touch"}, "step.action_bad"),
        ({"action_type": "swipe_up", "action": "swipe_down"}, "step.action_bad"),
        ({"action_type": "click", "parameters": {"action": "swipe", "direction": "up"}}, "step.action_bad"),
        ({"action_type": "click", "action": "swipe(1, 2, 3, 4)"}, "step.action_bad"),
    ],
)
def test_an_action_is_never_given_the_name_under_another_key(action: dict[str, Any], code: str):
    record = {"goal": "Go.", "steps": [{"screenshot": "s0.png", "action": action | {"x": 54, "y": 120}}]}
    assert refusals(record, stepwise("plain", coordinates={"from": "px"})) == [(code, "steps[0].action")]


@pytest.mark.parametrize(
    "beside",
    [
        {"action": "click", "action_type": "swipe"},
        {"action": "click", "type": "swipe"},
        {"action": {"action": "click"}, "action_type": "swipe"},
        {"action": "swipe_up", "action_type": "swipe_down"},
        {"action": {"type": "click", "x": 54, "y": 120}, "operation": {"op": "swipe"}},
    ],
)
def test_an_action_whose_step_names_another_one_is_refused(beside: dict[str, Any]):
    record = {"goal": "Go.", "steps": [{"screenshot": "s0.png", "x": 54, "y": 120} | beside]}
    assert refusals(record, stepwise("plain", coordinates={"from": "px"})) == [("step.action_bad", "steps[0].action")]


def test_a_key_of_a_point_or_a_text_does_not_count_where_ignore_names_it():
    config = stepwise("plain", {"ignore": ["position", "value"]}, coordinates={"from": "px"})
    actions = [{"action": "tap", "point": [54, 120], "position": [1, 2]}, {"action": "type", "text": "a", "value": "b"}]
    record = {"goal": "Go.", "steps": [{"screenshot": f"s{i}.png", "action": action} for i, action in enumerate(actions)]}
    assert answers(rows_of(record, config)) == [{"action": "tap", "point": [500, 500]}, {"action": "type", "text": "a"}]


@pytest.mark.parametrize(
    "action",
    [
        {"action": "tap", "x": 54, "y": 120},
        {"action": "scroll", "direction": "down"},
        {"action": "swipe", "start": [54, 120], "end": [54, 12]},
        *({"action": name} for name in ("back", "home", "enter", "wait", "finish", "call_user")),
        *({"action": name, "text": "a"} for name in ("type", "key", "hotkey", "open_app", "answer", "open_url")),
    ],
)
@pytest.mark.parametrize("beside", [{"path": "/a/b.png"}, {"path": "/a/1/2.png"}, {"location": "Room 5", "position": 3}, {"element": "field"}])
def test_what_a_step_says_besides_is_treated_alike_for_every_action(action: dict[str, Any], beside: dict[str, Any]):
    config = stepwise("plain", coordinates={"from": "px"})
    plain = [{"goal": "Go.", "steps": [{"screenshot": "s0.png", "action": action} | more]} for more in ({}, beside)]
    assert answers(rows_of(plain[0], config)) == answers(rows_of(plain[1], config))


def test_a_count_of_the_step_is_none_of_its_action():
    step = {"screenshot": "s0.png", "action": {"action": "tap", "point": [54, 120]}, "count": 2, "success": False, "times": 3}
    assert answers(rows_of({"goal": "Go.", "steps": [step]}, stepwise("plain", coordinates={"from": "px"}))) == [{"action": "tap", "point": [500, 500]}]


def test_a_text_of_the_step_is_none_of_an_action_that_has_its_own():
    step = {"screenshot": "s0.png", "action": {"action": "type", "text": "a"}, "message": "typed"}
    assert answers(rows_of({"goal": "Go.", "steps": [step]}, stepwise("plain"))) == [{"action": "type", "text": "a"}]


def test_a_step_that_does_something_besides_stays_in_the_history():
    steps = [
        {"screenshot": f"s{i}.png", "action": action} for i, action in enumerate([{"action": "type", "text": "a", "press_enter": True}, {"action": "done"}])
    ]
    rows = rows_of({"goal": "Go.", "steps": steps}, stepwise(history={"steps": 1}))
    assert answers(rows) == [{"STATUS": "finish"}]
    assert '1. {"action":"type","text":"a","press_enter":true}' in rows[0].messages[1].content
    assert [finding.code for finding in rows[0].findings] == ["step.left_out"]
