"""Actions of GUI agents, from calls and from texts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.config.checks import Checks
from pipelines.episodes.checks import check_steps
from pipelines.episodes.checks.actions import action_of, points_of
from pipelines.records import Image, Message
from tests.episodes.checks.planted import call, conversation


def said(text: str) -> Message:
    return Message("assistant", text)


@pytest.mark.parametrize(
    ("message", "points"),
    [
        (said('{"thought":"x","POINT":[500,300],"to":[10,20]}'), [(500, 300), (10, 20)]),
        (said('{"POINT":[500,300],"to":"up"}'), [(500, 300)]),
        (said("<think>(1, 2)</think>pyautogui.click(x=0.5, y=0.25)"), [(0.5, 0.25)]),
        (said("pyautogui.dragTo(300, 400)"), [(300, 400)]),
        (said("Thought: at (7, 8)\nAction: click(start_box='(100,200)')"), [(100, 200)]),
        (said("Action: drag(start_box='<point>1 2</point>', end_box='<point>3 4</point>')"), [(1, 2), (3, 4)]),
        (said('do(action="Tap", element=[500, 250])'), [(500, 250)]),
        (said("I would look at (1, 2) first."), []),
        (said("The answer is [1, 2]."), []),
        (call("computer", action="left_click", coordinate=[1, -2]), [(1, -2)]),
        (call("computer_use", action="drag", startCoordinate=[1, 2], end_coordinate=[3, 4]), [(3, 4)]),
        (call("tap", x=3, y=4), [(3, 4)]),
        (call("tap", x="3", y=4), []),
        (call("click", point={"x": 3, "y": 4}), [(3, 4)]),
        (call("python", code="pyautogui.click(5, 6)"), [(5, 6)]),
        (call("search", query="(1, 2)"), []),
    ],
)
def test_the_points_of_an_action(message: Message, points: list[tuple[float, float]]):
    assert [point[:2] for point in points_of(action_of(message))] == points


@pytest.mark.parametrize(
    ("message", "ends"),
    [
        (said('{"STATUS":"finish"}'), True),
        (said('{"thought":"x","STATUS":"continue","POINT":[1,2]}'), False),
        (said("Action: finished(content='done')"), True),
        (said("DONE"), True),
        (said("computer.terminate(status='success')"), True),
        (said("Action: click(start_box='(1,2)')"), False),
        (call("mobile_use", action="terminate", status="success"), True),
        (call("mobile_use", action="click", coordinate=[1, 2]), False),
        (call("finish"), True),
        (call("attempt_completion", result="x"), True),
        (call("answer", text="x"), True),
        (call("search", query="finish"), False),
    ],
)
def test_which_actions_end_a_task(message: Message, ends: bool):
    assert action_of(message).ends is ends


def test_the_same_action_is_the_same_whatever_was_thought():
    assert action_of(said('{"thought":"a","POINT":[1,2]}')).text == action_of(said('{"POINT":[1,2],"thought":"b"}')).text
    assert action_of(said("Thought: a\nAction: wait()")).text == action_of(said("Thought: b\nAction: wait()")).text
    assert action_of(said("<think>a</think>\n\nclick(1, 2)")).text == action_of(said("click(1, 2)")).text


def test_waiting_on_the_same_screen_is_no_fault():
    screen = Image("kit/0.png", "same", "PNG", 100, 100)
    turns = [turn for _ in range(3) for turn in (Message("user", "", image_at=(0,)), said("Action: wait()"))]
    made = conversation([*turns, Message("user", "", image_at=(0,)), said("Action: finished()")], [screen] * 4)
    assert check_steps(made, Checks()) is made


@pytest.mark.parametrize(
    ("size", "points", "outside"),
    [
        ((1080, 2400), [(100, 2000), (1200, 300), (900, 1500), (40, 2399)], [1]),  # px
        ((1080, 2400), [(100, 20), (1200, 300), (900, 999), (40, 300)], [1]),  # px or thousandths: outside in both
        ((100, 100), [(10, 20), (99, 5), (50, 50), (20, 130), (1, 2), (30, 40)], [3]),  # too close together for thousandths
        ((100, 100), [(500, 500), (900, 50)], []),  # thousandths
        ((1080, 2400), [(0.5, 0.1), (0.2, 1.4), (0.9, 0.9), (0.1, 0.1)], [1]),  # parts
        ((1080, 2400), [(-1, 5)], [0]),
        ((640, 360), [(1900, 1000), (1500, 400), (1200, 20), (30, 40)], []),  # the picture is smaller than the screen was
    ],
)
def test_points_are_read_in_the_way_that_explains_them_best(size: tuple[int, int], points: list[tuple[float, float]], outside: list[int]):
    turns: list[Message] = []
    for x, y in points:
        turns += [Message("user", "", image_at=(0,)), call("computer", action="left_click", coordinate=[x, y])]
    made = conversation([*turns, said("Done.")], [Image(f"kit/{i}.png", str(i), "PNG", *size) for i in range(len(points))])
    found = [finding.where for finding in check_steps(made, Checks()).findings if finding.code == "check.point_outside"]
    assert found == [f"messages[{2 * i + 1}]" for i in outside]


@pytest.mark.parametrize(
    ("actions", "limits"),
    [
        ([said('{"POINT":[10,1010]}')], ", in thousandths of the screen (0 to 1000)"),
        ([call("tap", coordinate=[900, 1900]), *[call("tap", coordinate=[990, 1990])] * 4, call("tap", coordinate=[10, 2010])], " of 1000x2000 px"),
        ([call("tap", coordinate=[0.5, 0.5])] * 4 + [call("tap", coordinate=[0.5, 1.5])], ", in parts of the screen (0 to 1)"),
        ([call("tap", coordinate=[-1, 5])], ", whatever the unit"),
    ],
)
def test_a_point_outside_names_its_unit(actions: list[Message], limits: str):
    turns = [turn for action in actions for turn in (Message("user", "", image_at=(0,)), action)]
    made = conversation([*turns, said("Done.")], [Image(f"kit/{i}.png", str(i), "PNG", 1000, 2000) for i in range(len(actions))])
    (detail,) = (finding.detail for finding in check_steps(made, Checks()).findings if finding.code == "check.point_outside")
    assert detail.partition("is outside the screen")[2] == limits


KEYS = st.sampled_from(["POINT", "coordinate", "to", "x", "y", "action", "STATUS", "start_box", "arguments", "code"]) | st.text(max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
PIECES = ["Action: ", "click(", "(1, 2)", "[3", ", ", "]", ")", "x=1, y=-2", "<point>", "{", "}"]
TEXTS = st.text(max_size=30) | st.lists(st.sampled_from(PIECES), max_size=9).map("".join)
TURNS = st.lists(st.tuples(st.sampled_from("uuacco"), TEXTS, st.dictionaries(KEYS, JSON, max_size=4), st.integers(0, 2)), max_size=14)


@given(TURNS, st.sampled_from(["note", "mask"]))
def test_no_conversation_breaks_a_check(turns: list[tuple[str, str, dict[str, Any], int]], setting: Any):
    roles = {"u": "user", "a": "assistant", "o": "observation"}
    messages = [
        call("computer", **arguments) if kind == "c" else Message(roles[kind], text, "", (0,) * images if kind != "a" else ())
        for kind, text, arguments, images in turns
    ]
    count = sum(len(message.image_at) for message in messages)
    made = conversation(messages, [Image(f"kit/{i}.png", str(i % 2), "PNG", 40, 30) for i in range(count)], "[]")
    checked = check_steps(made, Checks(no_change=setting, no_end=setting, error_streak=setting))
    assert len(checked.messages) == len(made.messages)
