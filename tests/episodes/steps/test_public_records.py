"""Records as the authors of public data sets ship them, with made-up values: right rows, or a refusal that says what to write."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from pipelines.flow import draft_of
from pipelines.records import Draft, raw_record
from tests.episodes.steps.records import SIZE, answers, odyssey, rows_of, stepwise
from tests.making import run

WIDTH, HEIGHT = SIZE


def amex(action: str, touch: list[int] | None = None, lift: list[int] | None = None, text: str = "", step: int = 0) -> dict[str, Any]:
    points = {"touch_coord": touch or [0, 0], "lift_coord": lift or touch or [0, 0]}
    return {"image_path": f"s{step}.png", "action": action, "type_text": text, "device_dim": [WIDTH, HEIGHT], **points}


def seeclick(**more: Any) -> dict[str, Any]:
    """AITW as SeeClick has it: the names of its screens lack `.png`."""
    points = {"touch": [0.25, 0.5], "lift": [0.25, 0.52]}
    return {"ep_id": "9", "step": 0, "goal": "Go.", "img_filename": "s0", "action_type_id": 4, "action_type_text": "click", "type_text": "", **points} | more


def aitw(kind: str, touch: list[float]) -> dict[str, Any]:
    screen = {"image/encoded": "s0", "image/width": 540, "image/height": 1080, "image/ui_annotations_text": ["a"]}
    result = {"results/action_type": kind, "results/yx_touch": touch, "results/yx_lift": touch, "results/type_action": ""}
    return {"episode_id": "1", "step_id": 0, "goal_info": "Go.", **screen, **result}


def guiact(*actions: dict[str, Any]) -> dict[str, Any]:
    about = {"uid": "uid_image_s0", "image_id": "s0", "image_size": {"width": WIDTH, "height": HEIGHT}, "actions_history": "step 0: click", "logs": ""}
    return about | {"question": "Go.", "thoughts": "", "actions_label": list(actions)}


def android_lab(action: dict[str, Any]) -> dict[str, Any]:
    about = {"trace_id": "t", "index": 0, "prompt": "Go.", "target": "Go.", "xml": "0.xml", "current_response": "r"}
    return about | {"image": "s0.png", "window": [WIDTH, HEIGHT], "parsed_action": action}


def gui_r1(action: str, box: list[float], text: str = "no input text") -> dict[str, Any]:
    about = {"id": "1", "history": "None", "task_type": "high", "instruction": "Go."}
    return about | {"image": {"bytes": None, "path": "s0.png"}, "gt_action": action, "gt_bbox": box, "gt_input_text": text}


def showui(step: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "split": "train",
        "task": "Go.",
        "img_url": "s0.png",
        "img_size": [WIDTH, HEIGHT],
        "step_id": 0,
        "step": step,
        "step_history": [],
        **more,
    }


def screen_agent(*actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    about = {"task_prompt": "Go.", "send_prompt": "p", "status": "acting", "LLM_response": "a", "LLM_response_editer": "b", "current_task": "Click."}
    return about | {"video_width": 2 * WIDTH, "video_height": 2 * HEIGHT, "saved_image_name": "s0.png", "actions": list(actions)} | more


def mouse(kind: str, **more: Any) -> dict[str, Any]:
    place, area = {"width": WIDTH, "height": HEIGHT // 2}, {"upper_left_position": {"width": 1, "height": 1}}
    return {"action_type": "MouseAction", "mouse_action_type": kind, "mouse_button": "left", "mouse_position": place, "clickable_area": area} | more


def keyboard(kind: str, **more: Any) -> dict[str, Any]:
    return {"action_type": "KeyboardAction", "keyboard_action_type": kind} | more


BOX = {"x": 27, "y": 60, "width": 54, "height": 120}


@pytest.mark.parametrize(
    ("record", "answer"),
    [
        ({"episode_id": "e", "instruction": "Go.", "steps": [amex("TAP", [54, 60])]}, {"action": "tap", "point": [500, 250]}),
        ({"episode_id": "e", "instruction": "Go.", "steps": [amex("SWIPE", [54, 180], [54, 60])]}, {"action": "swipe", "point": [500, 750], "direction": "up"}),
        ({"episode_id": "e", "instruction": "Go.", "steps": [amex("TYPE", text="hi")]}, {"action": "type", "text": "hi"}),
        ({"episode_id": "e", "instruction": "Go.", "steps": [amex("PRESS_ENTER")]}, {"action": "enter"}),
        ({"episode_id": "e", "instruction": "Go.", "steps": [amex("TASK_IMPOSSIBLE")]}, {"action": "impossible"}),
        (seeclick(), {"action": "tap", "point": [250, 500]}),
        (seeclick(touch=[0.5, 0.8], lift=[0.5, 0.2], action_type_text="scroll down"), {"action": "swipe", "point": [500, 800], "direction": "up"}),
        (aitw("dual-point gesture", [0.5, 0.25]), {"action": "tap", "point": [250, 500]}),
        (aitw("go_back", [-1.0, -1.0]), {"action": "back"}),
        (aitw("task_impossible", [-1.0, -1.0]), {"action": "impossible"}),
        (showui(seeclick(), ep_id="9", **{k: v for k, v in seeclick().items() if k in ("action_type_id", "touch", "lift", "type_text")}),
         {"action": "tap", "point": [250, 500]}),
        (showui({"operation": {"op": "SELECT", "original_op": "SELECT", "value": "two"}, "bbox": BOX}, annot_id="a", step_repr="r", repr_history=[]),
         {"action": "select", "point": [500, 500], "text": "two"}),
        (showui([{"action_type": "INPUT", "action_value": "hi", "point": [0.5, 0.25]}]), {"action": "type", "point": [500, 250], "text": "hi"}),
        (showui({"action_type": "SWIPE", "action_value": None, "point": [[0.5, 0.8], [0.5, 0.2]]}), {"action": "swipe", "point": [500, 800], "direction": "up"}),
        (guiact({"name": "click", "element": {"related": "<box>0.1,0.2,0.3,0.4</box>", "absolute": "<box>11,48,32,96</box>"}}),
         {"action": "tap", "point": [200, 300]}),
        (guiact({"name": "tap", "point": {"related": "<point>0.5,0.25</point>", "absolute": "<point>54,60</point>"}}), {"action": "tap", "point": [500, 250]}),
        (guiact({"name": "swipe", "dual_point": {"related": {"from": "<point>0.5,0.8</point>", "to": "<point>0.5,0.2</point>"}}}),
         {"action": "swipe", "point": [500, 800], "direction": "up"}),
        (guiact({"name": "scroll", "scroll": {"related": {"down": "0.53", "right": "0"}}}), {"action": "scroll", "direction": "down"}),
        (guiact({"name": "answer", "text": "4"}), {"action": "answer", "text": "4"}),
        (android_lab({"operation": "do", "action": "Tap", "kwargs": {"element": [27, 60, 81, 180]}}), {"action": "tap", "point": [500, 500]}),
        (android_lab({"operation": "do", "action": "Swipe", "kwargs": {"element": [54, 120], "direction": "up", "dist": "long"}}),
         {"action": "swipe", "point": [500, 500], "direction": "up"}),
        (android_lab({"operation": "do", "action": "Wait", "kwargs": {"interval": 5}}), {"action": "wait"}),
        (android_lab({"operation": "finish", "action": "finish", "kwargs": {"message": "4"}}), {"action": "finish", "text": "4"}),
        ({"app_name": "A", "task_description": ["Go."], "actions": [{"type": "input", "text": "hi", "action_index": 1, "screenshot": "s0.png"}]},
         {"action": "type", "text": "hi"}),
        ({"task_id": "t", "user_task_description": "U", "high_level_task_description": "Go.",
          "steps": [{"step_num": 0, "image": "s0.png", "action": "pyautogui.moveTo(x=0.5, y=0.25)\npyautogui.scroll(-54)", "milestone": False,
                     "inner_monologue": {"observation": "o", "thought": "t", "low_level_instruction": "l"}, "alternative_options": []}]},
         {"thought": "t", "action": "scroll", "point": [500, 250], "direction": "down"}),
        ({"annotation_id": "a", "confirmed_task": "Go.", "action_reprs": ["x"],
          "actions": [{"action_uid": "u", "operation": {"op": "TYPE", "original_op": "TYPE", "value": "hi"}, "bbox": BOX, "screenshot": "s0.png"}]},
         {"action": "type", "point": [500, 500], "text": "hi"}),
        (gui_r1("click", [0.5, 0.25]), {"action": "tap", "point": [500, 250]}),
        (gui_r1("type", [-100, -100], "hi"), {"action": "type", "text": "hi"}),
        (gui_r1("press_back", [-100, -100]), {"action": "back"}),
        (gui_r1("swipe", [0.5, 0.75]) | {"x2": 0.5, "y2": 0.25}, {"action": "swipe", "point": [500, 750], "direction": "up"}),
        (screen_agent(mouse("click")), {"action": "tap", "point": [500, 250]}),
        (screen_agent(mouse("click", mouse_button="right")), {"action": "right_tap", "point": [500, 250]}),
        (screen_agent(mouse("scroll_down", mouse_position=None, scroll_repeat=5)), {"action": "scroll", "direction": "down"}),
        (screen_agent(keyboard("text", keyboard_text="hi")), {"action": "type", "text": "hi"}),
        (screen_agent(keyboard("press", keyboard_key="Ctrl+A")), {"action": "key", "text": "Ctrl+A"}),
        (screen_agent(keyboard("press", keyboard_key="Return")), {"action": "enter"}),
        (screen_agent({"action_type": "WaitAction", "wait_time": 1.5}), {"action": "wait", "duration": 1500}),
        ({"goal": "Go.", "steps": [{"screenshot": "s0.png", "action": {"action_type": "type", "text": "no input text"}}]},
         {"action": "type", "text": "no input text"}),
    ],
)  # fmt: skip
def test_public_records_become_the_rows_that_their_authors_mean(record: Any, answer: Any):
    (row,) = rows_of(record, stepwise("plain"))
    assert answers([row]) == [answer]
    assert [image.uri for image in row.images] == ["kit/s0.png"]


def test_an_episode_of_android_control_may_be_below_a_key():
    actions = [{"action_type": "click", "x": 54, "y": 60, "app_name": None}, {"action_type": "scroll", "direction": "down", "x": None, "y": None}]
    below = {"episode_id": 60, "goal": "Go.", "screenshot_paths": ["s0.png", "s1.png", "s2.png"], "step_instructions": ["a", "b"], "actions": actions}
    rows = rows_of({"episode": below, "width": WIDTH, "height": HEIGHT, "step_pams": [{"action": "click", "coordinate": [54, 60]}]}, stepwise())
    assert answers(rows) == [{"POINT": [500, 250]}, {"POINT": [500, 500], "to": "up"}, {"STATUS": "finish"}]
    assert [(row.episode_id, row.step_id) for row in rows] == [("60", "0"), ("60", "1"), ("60", "2")]


TWICE = [2 * WIDTH, 2 * HEIGHT]
SIDES = {"width": TWICE[0], "height": TWICE[1]}


@pytest.mark.parametrize(
    "size",
    [
        *({key: TWICE} for key in ("resolution", "screen_size", "device_dim", "window_size", "img_size", "screenshot_size", "viewport")),
        *({key: SIDES} for key in ("screen", "device", "device_info", "screen_resolution")),
        *({f"{name}_{side}": length for side, length in SIDES.items()} for name in ("screen", "image", "device")),
        *({key: {f"screen_{side}": length for side, length in SIDES.items()}} for key in ("device_info", "metadata")),
        {"screenWidth": TWICE[0], "screenHeight": TWICE[1]},
    ],
)
def test_a_point_in_px_is_on_the_logged_screen_where_the_picture_is_smaller(size: dict[str, Any]):
    tap = {"action_type": "click", "x": WIDTH, "y": HEIGHT // 2}
    lists = {"episode_id": "1", "goal": "Go.", "screenshots": ["s0.png"], "actions": [tap]}
    steps = {"episode_id": "1", "goal": "Go.", "steps": [{"screenshot": "s0.png", "action": {"type": "tap", "x": WIDTH, "y": HEIGHT // 2}}]}
    one = {"episode_id": "1", "step_id": 0, "goal": "Go.", "screenshot": "s0.png", "action": tap}
    for record in (lists, steps, one):
        assert answers(rows_of(record | size, stepwise(coordinates={"from": "px"})))[0] == {"POINT": [500, 250]}


def candidate(rect: str, is_meant: bool) -> dict[str, Any]:
    return {"tag": "a", "attributes": f'{{"bounding_box_rect": "{rect}"}}', "is_original_target": is_meant, "is_top_level_target": not is_meant}


def mind2web_step(*candidates: dict[str, Any]) -> dict[str, Any]:
    about = {"annotation_id": "a", "confirmed_task": "Go.", "target_action_index": "0", "action_reprs": ["x"], "screenshot": "s0.png"}
    return about | {"operation": {"op": "CLICK", "original_op": "HOVER", "value": ""}, "pos_candidates": list(candidates), "neg_candidates": []}


def test_of_several_elements_of_mind2web_the_annotated_one_counts():
    record = mind2web_step(candidate("0,0,108,240", False), candidate("27,60,54,120", True))
    assert answers(rows_of(record, stepwise("plain"))) == [{"action": "tap", "point": [500, 500]}]
    for several in ([True, True], [False, False]):
        (made,) = run(mind2web_step(*(candidate("27,60,54,120", is_meant) for is_meant in several)), stepwise("plain"), {"s0.png": SIZE})
        assert [(finding.code, finding.where) for finding in made.findings] == [("step.action_bad", "pos_candidates")]


def test_a_screen_that_is_called_before_is_that_of_its_step():
    steps = [{"screenshot_before": f"s{i}.png", "screenshot_after": f"s{i + 1}.png", "action": {"type": "click", "x": 0.5, "y": 0.5}} for i in range(2)]
    rows = rows_of({"goal": "Go.", "steps": steps}, stepwise("plain"))
    assert [row.images[0].uri for row in rows] == ["kit/s0.png", "kit/s1.png"]


def test_a_step_without_an_episode_is_a_task_of_one_step_unless_a_history_is_asked_for():
    record = {"goal": "Go.", "screenshot": "s0.png", "action": {"action": "click", "coordinate": [0.5, 0.5]}}
    assert answers(rows_of(record, stepwise("plain"))) == [{"action": "tap", "point": [500, 500]}]
    (made,) = run(record, stepwise("plain", history={"steps": 1}), {"s0.png": SIZE})
    assert {finding.code for finding in made.findings} == {"step.number_bad"}


@pytest.mark.parametrize(
    ("record", "code", "words"),
    [
        ({"general": [[seeclick()]], "single": []}, "schema.unknown_format", "write one step per line"),
        ({"confirmed_task": "Go.", "actions": [{"action_uid": "u", "operation": {"op": "CLICK"}, "pos_candidates": []}]}, "step.screen_missing", "Multimodal-Mind2Web"),
        ({"demo": "a", "turn": 1, "action": 'click(uid="1")', "utterances": "u"}, "step.screen_missing", "WebLINX"),
        ({"data": [{"type": "chat", "speaker": "instructor", "utterance": "Go."}]}, "schema.unknown_format", "WebLINX"),
        ({"task": "data/tasks/1.txt", "image": "s0.png", "box": "b.json"}, "schema.unknown_format", "names a file"),
        ({"img_filename": "s0.png", "bbox": [1, 2, 3, 4], "instruction": "close"}, "schema.unknown_format", "names an element with its box"),
        ({"app_name": "A", "task_description": ["Go."], "actions": [{"type": "done"}]}, "step.screen_missing", "MobiAgent"),
        ({"step_num": 1, "action_timestamp": "t", "action": "DONE", "screenshot_file": "s0.png", "instruction": "Go."}, "step.screen_missing", "records: file"),
        (guiact({"name": "click", "element": {"related": "<box>0.1,0.2,0.3,0.4</box>"}}, {"name": "enter"}), "step.action_unsupported", '"enter"'),
        (gui_r1("scroll", [-100, -100], "down"), "step.action_bad", "does not document"),
        (screen_agent(mouse("drag")), "step.action_bad", "drag has no end"),
        (screen_agent({"action_type": "PlanAction", "element": "Click."}), "step.action_unknown", "'PlanAction'"),
        (screen_agent(mouse("move"), mouse("click")), "step.action_unsupported", "MouseAction"),
        ({"base64": "iVBORw0KGgo=", "elements": [{"bbox": [1, 2, 3, 4]}], "__index_level_0__": "s0"}, "schema.unknown_format", "set image_root to their folder"),
        ({"trace_id": "t", "goal": "Go.", "actions": ["click"], "images": ["s0.png"], "raw_gestures": [[[0.1, 0.2]]], "screen_bboxes": [[1, 2, 3, 4]]},
         "schema.unknown_format", "MoTIF"),
        (gui_r1("swipe", [0.5, 0.25]) | {"x2": 0.5, "y2": 0.25, "direction": "up"}, "step.action_bad", "does not document"),
        (gui_r1("swipe", [-100, -100]) | {"x2": 0.5, "y2": 0.25, "direction": "up"}, "step.action_bad", "does not document"),
        (android_lab({"operation": "do", "action": "Type", "kwargs": {"text": "hi"}}), "step.action_bad", "whether Enter is pressed after this text"),
        ({"goal": "Go.", "steps": [{"screenshot": "s0.png", "action": {"action_type": "click", "index": 7}}]}, "step.action_bad", "tap has no point; expected one of"),
        ({"goal": "Go.", "steps": [{"screenshot": "s0.png", "action": {"action": "click", "type": "swipe", "x": 1, "y": 2}}]}, "step.action_bad", "are two actions"),
    ],
)  # fmt: skip
def test_records_that_are_no_steps_are_refused_with_what_to_write(record: Any, code: str, words: str):
    (made,) = run(record, stepwise("plain"), {"s0.png": SIZE})
    assert [finding.code for finding in made.findings if not finding.code.startswith("record.")][:1] == [code]
    assert words in made.findings[0].detail


def test_a_step_with_a_key_that_may_matter_is_refused_and_one_with_bookkeeping_is_not():
    bookkeeping = {"annotator_id": 7, "timestamp": 1.5, "device_name": "Pixel", "ui_tree": "<node/>"}
    record = {"goal": "Go.", "steps": [{"screenshot": "s0.png", "action": {"action_type": "navigate_back"}} | bookkeeping]} | {
        "device": "Pixel",
        "annotator": "a",
    }
    assert answers(rows_of(record, stepwise())) == [{"PRESS": "BACK"}]
    for key, value in (("alternative_action", {"name": "click", "arguments": {}}), ("corrected_response", "x"), ("image_2", "s1.png")):
        (made,) = run({"goal": "Go.", "steps": [record["steps"][0] | {key: value}]}, stepwise(), {"s0.png": SIZE})
        assert [(finding.code, finding.where) for finding in made.findings] == [("schema.field_unread", f"steps[0].{key}")]
    assert answers(rows_of(odyssey(("COMPLETE", ""), extra_note="n"), stepwise())) == [{"STATUS": "finish"}]


def test_the_place_of_an_action_whose_name_says_its_direction_is_read_beside_it():
    record = {"goal": "Go.", "screenshot": "s0.png", "action": "swipe_up", "x": 54, "y": 120}
    assert answers(rows_of(record, stepwise("plain", coordinates={"from": "px"}))) == [{"action": "swipe", "point": [500, 500], "direction": "up"}]


def test_a_key_beside_an_action_is_read_only_where_the_action_takes_it():
    record = {"goal": "Go.", "screenshot": "s0.png", "action": "answer", "answer": "4"}
    assert answers(rows_of(record, stepwise("plain"))) == [{"action": "answer", "text": "4"}]
    (made,) = run(record | {"action": "press_home()"}, stepwise(), {"s0.png": SIZE})
    assert [(finding.code, finding.where) for finding in made.findings] == [("schema.field_unread", "answer")]


def test_a_step_may_list_its_actions_and_the_last_one_may_have_none():
    taps = [{"type": "click", "x": 0.5, "y": 0.5}, {"type": "wait"}]
    steps = [{"screenshot": "s0.png", "actions": taps[:1]}, {"screenshot": "s1.png", "actions": taps}, {"screenshot": "s2.png", "actions": []}]
    rows = rows_of({"goal": "Go.", "steps": steps}, stepwise("plain"))
    assert [(row.images[0].uri, answer["action"]) for row, answer in zip(rows, answers(rows), strict=True)] == [("kit/s0.png", "tap"), ("kit/s2.png", "finish")]
    assert ("step.left_out", "steps[1]") in [(finding.code, finding.where) for finding in rows[0].findings]


def test_the_bytes_of_a_screen_get_no_suffix():
    png = b64encode(b"\x89PNG\r\n\x1a\n" + bytes(64)).decode()
    record = aitw("go_back", [-1.0, -1.0]) | {"image/encoded": png}
    draft = draft_of(raw_record("kit", "logs.jsonl", 1, json.dumps(record).encode()), stepwise())
    assert isinstance(draft, Draft)
    assert [ref.ref for ref in draft.refs] == [f"data:image;base64,{png}"]


def test_a_key_that_only_repeats_what_is_read_refuses_nothing():
    step = {"screenshot": "s0.png", "action": "press_home()"}
    record = {"goal": "Go.", "instruction": "Go.", "steps": [step | {"image_path": "s0.png"}]}
    assert answers(rows_of(record, stepwise())) == [{"PRESS": "HOME"}]
    for other in ({"goal": "Go.", "instruction": "Stop.", "steps": [step]}, {"goal": "Go.", "steps": [step | {"image_path": "s1.png"}]}):
        (made,) = run(other, stepwise(), {"s0.png": SIZE})
        assert [finding.code for finding in made.findings] == ["schema.field_unread"]
