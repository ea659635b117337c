"""Each data set's episodes become rows in the model's action form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.episodes.steps.data_sets.words import ACTIONS, COMMON
from pipelines.episodes.steps.forms import FORMS
from tests.episodes.steps.records import agentnet, aitz, android, answers, first_answer, mind2web, odyssey, rows_of, stepwise
from tests.making import refusals

HOME, BACK, FINISH = {"PRESS": "HOME"}, {"PRESS": "BACK"}, {"STATUS": "finish"}


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        ({"action_type": "click", "x": 54, "y": 120}, {"POINT": [500, 500]}),
        ({"action_type": "click", "x": 0, "y": 240}, {"POINT": [0, 1000]}),
        ({"action_type": "long_press", "x": 27, "y": 60}, {"POINT": [250, 250], "duration": 1000}),
        ({"action_type": "input_text", "text": 'a "b" 好'}, {"TYPE": 'a "b" 好'}),
        ({"action_type": "input_text", "text": ""}, {"TYPE": ""}),
        ({"action_type": "navigate_back"}, BACK),
        ({"action_type": "navigate_home"}, HOME),
        ({"action_type": "keyboard_enter"}, {"PRESS": "ENTER"}),
        ({"action_type": "wait"}, {"duration": 200}),
        ({"action_type": "scroll", "direction": "down"}, {"POINT": [500, 500], "to": "up"}),
        ({"action_type": "scroll", "direction": "left", "x": 54, "y": 60}, {"POINT": [500, 250], "to": "right"}),
        ({"action_type": "status", "goal_status": "infeasible"}, {"STATUS": "impossible"}),
        ({"action_type": "status", "goal_status": "complete"}, FINISH),
        ('{"action_type": "click", "x": 54, "y": 120}', {"POINT": [500, 500]}),
    ],
)
def test_actions_of_android_control(action: Any, answer: Any):
    assert first_answer(android([action])) == answer


def test_an_episode_of_android_control_ends_with_a_row_on_its_last_screen():
    rows = rows_of(android([{"action_type": "navigate_back"}, {"action_type": "click", "x": 54, "y": 120}]), stepwise())
    assert answers(rows) == [BACK, {"POINT": [500, 500]}, FINISH]
    assert [(row.episode_id, row.step_id, [image.uri for image in row.images]) for row in rows] == [
        ("20", "0", ["kit/s0.png"]),
        ("20", "1", ["kit/s1.png"]),
        ("20", "2", ["kit/s2.png"]),
    ]
    assert len({row.sample_id for row in rows}) == 3
    assert len({row.record_id for row in rows}) == 1


def test_a_record_of_tfrecords_has_its_values_in_lists_and_its_actions_as_text():
    episode = android(['{"action_type": "navigate_home"}'], episode_id=[5], goal=["Go."])
    episode["screenshot_path"] = episode.pop("screenshots")
    rows = rows_of(episode, stepwise())
    assert (answers(rows), rows[0].episode_id) == ([HOME, FINISH], "5")


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        (("CLICK", [[500, 250]]), {"POINT": [500, 250]}),
        (("CLICK", [[500, 250], [500, 250]]), {"POINT": [500, 250]}),
        (("CLICK", "KEY_HOME"), HOME),
        (("CLICK", "KEY_BACK"), BACK),
        (("HOME", ""), HOME),
        (("LONG_PRESS", [[1, 2]]), {"POINT": [1, 2], "duration": 1000}),
        (("SCROLL", [[500, 800], [520, 300]]), {"POINT": [500, 800], "to": "up"}),
        (("SCROLL", [[900, 500], [100, 510]]), {"POINT": [900, 500], "to": "left"}),
        (("TEXT", "hello"), {"TYPE": "hello"}),
        (("TYPE", "hello"), {"TYPE": "hello"}),
        (("TEXT", "KEY_HOME"), {"TYPE": "KEY_HOME"}),
        (("COMPLETE", ""), FINISH),
        (("INCOMPLETE", ""), {"STATUS": "impossible"}),
        (("IMPOSSIBLE", ""), {"STATUS": "impossible"}),
    ],
)
def test_actions_of_gui_odyssey(step: tuple[str, Any], answer: Any):
    assert first_answer(odyssey(step)) == answer


@pytest.mark.parametrize(
    "step", [("SCROLL", [[500, 500], [500, 300], [500, 100], [100, 100]]), ("CLICK", [[500, 500], [1, 1]]), ("LONG_PRESS", [[1, 2], [3, 4]])]
)
def test_an_action_of_gui_odyssey_with_more_points_than_it_takes_is_refused(step: tuple[str, Any]):
    assert [code for code, _ in refusals(odyssey(step), stepwise())] == ["step.action_bad"]


def test_the_list_of_recent_apps_is_no_home_button():
    """Upstream's process_odyssey.py writes HOME for it; the model has no word for it, so the step becomes no row."""
    rows = rows_of(odyssey(("CLICK", "KEY_APPSELECT"), ("COMPLETE", "")), stepwise())
    assert answers(rows) == [FINISH]
    assert [(finding.code, finding.where) for finding in rows[0].findings] == [("step.left_out", "steps[0]")]
    assert refusals(odyssey(("CLICK", "KEY_APPSELECT")), stepwise(), {"s0.png": (9, 9)}) == [("step.action_unsupported", "steps[0]")]


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        (aitz(0, 4, (0.5, 0.25)), {"POINT": [250, 500]}),
        (aitz(0, 4, (0.5, 0.25), (0.52, 0.26)), {"POINT": [250, 500]}),  # 0.022 of the screen: a tap
        (aitz(0, 4, (0.8, 0.5), (0.2, 0.5)), {"POINT": [500, 800], "to": "up"}),
        (aitz(0, 4, (0.5, 0.1), (0.5, 0.9)), {"POINT": [100, 500], "to": "right"}),
        (aitz(0, 0, (0.5, 0.25), duration=1500), {"POINT": [250, 500], "duration": 1500}),
        (aitz(0, 1), {"duration": 200}),
        (aitz(0, 3, result_action_text="hi"), {"TYPE": "hi"}),
        (aitz(0, 5), BACK),
        (aitz(0, 6), HOME),
        (aitz(0, 7), {"PRESS": "ENTER"}),
        (aitz(0, 10), FINISH),
        (aitz(0, 11), {"STATUS": "impossible"}),
    ],
)
def test_actions_of_aitz(step: Any, answer: Any):
    assert first_answer(step) == answer


def test_aitw_under_its_names_in_tfrecords_and_in_seeclick():
    tfrecord = {
        "episode_id": "1",
        "step_id": 0,
        "goal_info": "Go.",
        "results/action_type": 4,
        "results/yx_touch": [0.5, 0.25],
        "results/yx_lift": [0.5, 0.25],
        "image_path": "s0.png",
    }
    assert first_answer(tfrecord) == {"POINT": [250, 500]}
    seeclick = {
        "ep_id": "1",
        "step": 0,
        "goal": "Go.",
        "img_filename": "s0.png",
        "action_type_id": 4,
        "touch": [0.25, 0.5],
        "lift": [0.25, 0.5],
        "type_text": "",
    }
    assert first_answer(seeclick) == {"POINT": [250, 500]}


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("pyautogui.click(x=0.25, y=0.5)", {"action": "tap", "point": [250, 500]}),
        ("pyautogui.click(0.25, 0.5, clicks=2)", {"action": "double_tap", "point": [250, 500]}),
        ("pyautogui.doubleClick(x=0.25, y=0.5)", {"action": "double_tap", "point": [250, 500]}),
        ("computer.triple_click(x=0.25, y=0.5)", {"action": "triple_tap", "point": [250, 500]}),
        ("pyautogui.rightClick(x=0.25, y=0.5)", {"action": "right_tap", "point": [250, 500]}),
        ("pyautogui.click(x=0.25, y=0.5, button='right')", {"action": "right_tap", "point": [250, 500]}),
        ("pyautogui.moveTo(x=0.1, y=0.2)", {"action": "hover", "point": [100, 200]}),
        ("pyautogui.moveTo(x=0.1, y=0.2)\npyautogui.click()", {"action": "tap", "point": [100, 200]}),
        ("pyautogui.moveTo(0.1, 0.2)\npyautogui.dragTo(0.3, 0.4, duration=0.5, button='left')", {"action": "drag", "point": [100, 200], "end": [300, 400]}),
        ("pyautogui.scroll(-5)", {"action": "scroll", "direction": "down"}),
        ("pyautogui.hscroll(3)", {"action": "scroll", "direction": "right"}),
        ("pyautogui.write(message='a, (b) = \"c\"')", {"action": "type", "text": 'a, (b) = "c"'}),
        ("pyautogui.typewrite('x', interval=0.1)", {"action": "type", "text": "x"}),
        ("pyautogui.press('enter')", {"action": "enter"}),
        ("pyautogui.press(keys=['tab', 'tab'])", {"action": "key", "text": "tab+tab"}),
        ("pyautogui.hotkey('ctrl', 'c')", {"action": "hotkey", "text": "ctrl+c"}),
        ("pyautogui.hotkey(['ctrl', 'c'])", {"action": "hotkey", "text": "ctrl+c"}),
        ("import pyautogui\nimport time\ntime.sleep(1)\npyautogui.press('a')  # now", {"action": "key", "text": "a"}),
        ("computer.wait()", {"action": "wait"}),
        ("computer.terminate(status='success')", {"action": "finish"}),
        ("computer.terminate(status='failure')", {"action": "impossible"}),
    ],
)
def test_actions_of_agentnet(code: str, answer: Any):
    assert first_answer(agentnet(code), stepwise("plain")) == answer


@pytest.mark.parametrize(
    "code",
    [
        "pyautogui.click(x=f(1), y=2)",
        "__import__('os').system('x')",
        "x = 1",
        "pyautogui.click(x=0.1",
        "for i in range(3): pyautogui.click()",
        "pyautogui.click(*a)",
        "",
    ],
)
def test_code_that_is_more_than_calls_with_literals_is_refused_and_never_run(code: str):
    ((reason, where),) = refusals(agentnet(code), stepwise("plain"), {"s0.png": (9, 9)})
    assert (reason in ("step.action_unknown", "step.action_bad", "tool.args_unparseable", "tool.code_expression"), where) == (True, "traj[0].value.code")


def test_several_actions_of_one_step_are_written_for_no_model():
    rows = rows_of(agentnet("pyautogui.click(0.1, 0.2)\npyautogui.write('x')", "computer.terminate(status='success')"), stepwise("plain", history={"steps": 1}))
    assert answers(rows) == [{"action": "finish"}]
    assert "pyautogui.write('x')" in rows[0].messages[0].content
    assert [finding.code for finding in rows[0].findings] == ["step.left_out"]


def test_mind2web_points_at_the_centre_of_the_element():
    config = stepwise("plain")
    assert first_answer(mind2web(0), config, (320, 200)) == {"action": "tap", "point": [78, 200]}
    assert first_answer(mind2web(0, "TYPE", "hi"), config, (320, 200)) == {"action": "type", "point": [78, 200], "text": "hi"}
    assert first_answer(mind2web(0, "SELECT", "two"), config, (320, 200)) == {"action": "select", "point": [78, 200], "text": "two"}
    assert refusals(mind2web(0, "TYPE", "hi"), stepwise(), {"s0.png": (320, 200)}) == [("step.action_unsupported", "")]
    assert rows_of(mind2web(3), config)[0].episode_id == "a"


def test_omniact_has_its_script_after_the_task():
    record = {"id": "t0", "task": "Task: Review it\nOutput Script:\npyautogui.click(54.0,120.0)", "image": "s0.png"}
    (row,) = rows_of(record, stepwise())
    assert answers([row]) == [{"POINT": [500, 500]}]
    assert row.messages[1].content.startswith("<Question>Review it</Question>\n")


def test_a_step_of_osworld_is_asked_on_the_screen_that_the_step_before_it_led_to():
    lines = [
        {"step_num": i + 1, "action": action, "screenshot_file": f"s{i + 1}.png", "instruction": "Do it."}
        for i, action in enumerate(["pyautogui.click(54, 120)", "pyautogui.press('enter')", "DONE"])
    ]
    rows = rows_of({"lines": lines}, stepwise("plain", coordinates={"from": "px"}, history={"steps": 9}))
    assert [(row.step_id, row.images[0].uri, answer) for row, answer in zip(rows, answers(rows), strict=True)] == [
        ("2", "kit/s1.png", {"action": "enter"}),
        ("3", "kit/s2.png", {"action": "finish"}),
    ]
    assert [finding.code for finding in rows[0].findings] == ["step.left_out"]
    assert '1. {"action":"tap"}' in rows[1].messages[0].content


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        ("click(start_box='<|box_start|>(495,30)<|box_end|>')", {"POINT": [495, 30]}),
        ("click(start_box='(495,30)')", {"POINT": [495, 30]}),
        ("scroll(start_box='(500,500)', direction='down')", {"POINT": [500, 500], "to": "up"}),
        ("type(content='hi\\n')", {"TYPE": "hi\n"}),
        ("press_home()", HOME),
        ("finished()", FINISH),
        ('do(action="Tap", element=[500,250])', {"POINT": [500, 250]}),
        ('do(action="Swipe", start=[500,800], end=[500,200])', {"POINT": [500, 800], "to": "up"}),
        ('do(action="Wait", duration="2 seconds")', {"duration": 2000}),
        ({"action": "tap", "coordinate": [500, 250]}, {"POINT": [500, 250]}),
        ({"type": "click", "point": {"x": 500, "y": 250}}, {"POINT": [500, 250]}),
        ({"name": "click", "arguments": {"coordinate": [500, 250]}}, {"POINT": [500, 250]}),
        ({"action_type": "swipe", "start": [500, 800], "end": [500, 200]}, {"POINT": [500, 800], "to": "up"}),
        ({"action": "drag", "start_coordinate": [1, 2], "end_coordinate": [3, 4]}, {"POINT": [1, 2], "to": [3, 4]}),
        ({"action": "system_button", "button": "Back"}, BACK),
    ],
)
def test_a_list_of_steps_under_the_usual_names_is_read(action: Any, answer: Any):
    record = {"episode_id": "e", "goal": "Go.", "steps": [{"screenshot": "s0.png", "action": action}]}
    assert first_answer(record, stepwise(coordinates={"from": "thousand"})) == answer


def test_a_chat_of_ui_tars_has_a_row_for_each_answer_that_it_trains():
    answers_in = ["Thought: Tap it.\nAction: click(start_box='<|box_start|>(495,30)<|box_end|>')", "Action: press_back()", "Action: finished(content='')"]
    turns: list[Any] = [{"role": "system", "content": "S"}, {"role": "user", "content": "You are a GUI agent.\n\n## User Instruction\nOpen it."}]
    for i, answer in enumerate(answers_in):
        turns.append({"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"s{i}.png"}}]})
        turns.append({"role": "assistant", "content": answer, "loss_mask": 0 if i == 1 else 1})
    rows = rows_of({"messages": turns}, stepwise(history={"images": 3}, loss="all"))
    assert answers(rows) == [{"thought": "Tap it.", "POINT": [495, 30]}, FINISH]
    assert [(row.step_id, row.images[-1].uri) for row in rows] == [("0", "kit/s0.png"), ("2", "kit/s2.png")]
    assert [message.loss_weight for message in rows[1].messages if message.role == "assistant"] == [None, 0.0, None]
    assert "<Question>Open it.</Question>" in rows[0].messages[1].content
    marked = {"messages": [{"role": "user", "content": "Go.<image>"}, {"role": "assistant", "content": "Action: wait()"}], "images": ["s0.png"]}
    assert first_answer(marked) == {"duration": 200}
    assert refusals({"messages": [turns[1], turns[3]]}, stepwise(), {}) == [("step.screen_missing", "messages[1]")]


def test_every_name_of_an_action_has_a_row_in_the_plain_form():
    assert set(COMMON.names.values()) <= set(ACTIONS)
    assert set(FORMS["plain"].rows) == set(ACTIONS)
    assert all(set(form.rows) <= set(ACTIONS) for form in FORMS.values())


def test_a_record_without_steps_is_refused_by_name():
    assert refusals({"messages": [{"role": "user", "content": "Q"}]}, stepwise()) == [("schema.unknown_format", "")]


def test_answers_are_compact_json_in_one_line():
    (row, _) = rows_of(android([{"action_type": "click", "x": 54, "y": 120}]), stepwise())
    assert row.messages[-1].content == '{"POINT":[500,500]}'
    assert json.loads(row.messages[-1].content)
