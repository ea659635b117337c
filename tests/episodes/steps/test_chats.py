"""Chats whose answers say actions: each answer is a step on the screen before it, and nothing of the chat is lost in silence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.config import Config
from tests.episodes.steps.records import answers, rows_of, stepwise
from tests.making import notes, refusals, run

PLAIN = stepwise("plain", coordinates={"from": "thousand"})
ASKED = "Please generate the next move according to the ui screenshot, instruction and previous actions.\n\nInstruction: Open it.\n\nPrevious actions:\n"


def chat(*answered: str, question: str = "<image>\nOpen it.", **more: Any) -> dict[str, Any]:
    """A chat with one question and these answers, as LLaMA-Factory, Aguvis and ScaleCUA have it."""
    return {"image": "s0.png", "conversations": [{"from": "human", "value": question}, *({"from": "gpt", "value": text} for text in answered)]} | more


def only(record: Any, config: Config = PLAIN) -> Any:
    (row,) = rows_of(record, config)
    return answers([row])[0]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("Thought: There.\nAction: click(start_box='<|box_start|>(5,6)<|box_end|>')", {"thought": "There.", "action": "tap", "point": [5, 6]}),
        ("Action: Click it\n\npyautogui.click(x=5, y=6)", {"action": "tap", "point": [5, 6]}),
        (
            "<think>\nThere.\n</think>\n<operation>\nTap\n</operation>\n<action>\nclick(x=5, y=6)\n</action>",
            {"thought": "There.", "action": "tap", "point": [5, 6]},
        ),
        ('<think>There.</think><answer>do(action="Tap", element=[5,6])</answer>', {"thought": "There.", "action": "tap", "point": [5, 6]}),
        ('Low-level thought: There.\naction: {"action_type": "click", "x": 5, "y": 6}', {"thought": "There.", "action": "tap", "point": [5, 6]}),
        (
            'Thought: There.\nAction: "Tap"\n<tool_call>\n{"name": "mobile_use", "arguments": {"action": "click", "coordinate": [5, 6]}}\n</tool_call>',
            {"thought": "There.", "action": "tap", "point": [5, 6]},
        ),
        ('<tool_call>{"name": "mobile_use", "arguments": {"action": "wait", "time": 2}}</tool_call>', {"action": "wait", "duration": 2000}),
        ('{"action": "type", "text": "a"}', {"action": "type", "text": "a"}),
        ("mobile.swipe(from_coord=[5, 90], to_coord=[5, 6])", {"action": "swipe", "point": [5, 90], "direction": "up"}),
        ("thoughts:\nThere.\nactions:\nCLICK <point>[[5, 6]]</point>", {"thought": "There.", "action": "tap", "point": [5, 6]}),
        ("actions:\nTYPE [a [b]]", {"action": "type", "text": "a [b]"}),
        ("CLICK: (5, 6)", {"action": "tap", "point": [5, 6]}),
        ("SCROLL: UP", {"action": "swipe", "direction": "up"}),  # of the finger: format_converter.py takes it from its way
        ("PRESS_BACK", {"action": "back"}),
        ("TYPE: a: b", {"action": "type", "text": "a: b"}),
        ("TYPE:  a", {"action": "type", "text": " a"}),
        ("TYPE: a ", {"action": "type", "text": "a "}),  # the text goes to the end: data/format_converter.py writes nothing after it
        ("TYPE: a\n", {"action": "type", "text": "a\n"}),
        ("Action: TYPE: a \n", {"action": "type", "text": "a "}),
        ('There.\ndo(action="Tap", element=[5, 6])', {"thought": "There.", "action": "tap", "point": [5, 6]}),
        ('<think>There.</think>\ndo(action="Back")', {"thought": "There.", "action": "back"}),
        ('finish(message="done")', {"action": "finish", "text": "done"}),
        ("```\nTYPE: a\n```", {"action": "type", "text": "a"}),
        ("CLICK: (5, 6) \n", {"action": "tap", "point": [5, 6]}),
        ("from pyautogui import click\nclick(5, 6)", {"action": "tap", "point": [5, 6]}),
        ("There.\n```python\nimport pyautogui as pg\npg.click(5, 6)\n```", {"thought": "There.", "action": "tap", "point": [5, 6]}),
        ("actions:\nTYPE [ a ]", {"action": "type", "text": " a "}),
        ("<answer>[{'action': 'click', 'point': [5, 6], 'input_text': None}]</answer>", {"action": "tap", "point": [5, 6]}),
        ("```python\npyautogui.click(5, 6)\n```", {"action": "tap", "point": [5, 6]}),
        ('Reason: There.\nAction:\n```json\n{"action_type": "click", "x": 5, "y": 6}\n```', {"thought": "There.", "action": "tap", "point": [5, 6]}),
        ('{"thought": "There.", "action": "click", "coordinate": [5, 6]}', {"thought": "There.", "action": "tap", "point": [5, 6]}),
        ('{"thought": "There.", "action": {"type": "click", "x": 5, "y": 6}}', {"thought": "There.", "action": "tap", "point": [5, 6]}),
        ("{'action': 'CLICK', 'value': None, 'position': [5, 6]}", {"action": "tap", "point": [5, 6]}),
    ],
)
def test_an_answer_says_its_action_in_many_ways(answer: str, said: Any):
    assert only(chat(answer)) == said


def test_two_answers_without_a_question_between_them_are_one():
    """Aguvis writes the words to everybody and the code to the computer."""
    assert only(chat("Thought: There.\nAction: Click it\n", "pyautogui.click(x=5, y=6)")) == {"thought": "There.", "action": "tap", "point": [5, 6]}


@pytest.mark.parametrize(
    ("question", "goal", "codes"),
    [
        (f"<image>\n{ASKED}Step 1: Open the app", "Open it.", ["step.question_replaced"]),
        (f"<image>\n{ASKED}None", "Open it.", []),
        ("<image>The password is 12.\n\nTask: Open it.", "The password is 12.\n\nTask: Open it.", []),
        ("<image>You are a GUI agent.\n\n## User Instruction\nOpen it.", "Open it.", []),
        (
            "<image>\nYou are a GUI task expert.\nHigh-level instruction: Open it.\nAction history: tap\nAccessibility tree: {}",
            "Open it.",
            ["step.question_replaced"],
        ),
        ("<image>\nPlease generate the next move.\n\nTask: Open it.\n\nPrevious operations:\nNone", "Open it.", []),
        (
            "Picture 1: <img>s0.png</img>\nI'm looking for guidance on how to Open it.\nPrevious screenshots: None\nPrevious Actions: None\nProvide the command-style action directly.",
            "Open it.",
            [],
        ),
        ("<image>Open it.", "Open it.", []),
    ],
)
def test_the_task_is_what_the_question_names_as_such(question: str, goal: str, codes: list[str]):
    (row,) = rows_of(chat("PRESS_BACK", question=question), PLAIN)
    assert row.messages[0].content.startswith(f"Task: {goal}\n")
    assert [code for code, _ in notes(row) if code != "step.finish_added"] == codes


def test_texts_before_the_first_answer_are_all_of_the_task():
    turns = [
        {"role": "user", "content": "You operate a phone."},
        {"role": "user", "content": "Open it.<image>"},
        {"role": "assistant", "content": "Action: wait()"},
    ]
    (row,) = rows_of({"messages": turns, "images": ["s0.png"]}, PLAIN)
    assert row.messages[0].content.startswith("Task: You operate a phone.\nOpen it.\n")


def episode(second: str, third: str = "<image>") -> dict[str, Any]:
    said = ["Action: press_back()", "Action: press_home()", "Action: finished()"]
    asked = ["<image>Open it.", second, third]
    turns = [turn for pair in zip(asked, said, strict=True) for turn in ({"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]})]
    return {"messages": turns, "images": ["s0.png", "s1.png", "s2.png"]}


def test_a_later_question_has_only_a_screen():
    rows = rows_of(episode("<image>", "Screenshot: <image>"), PLAIN)
    assert [(row.images[0].uri, answer["action"]) for row, answer in zip(rows, answers(rows), strict=True)] == [
        ("kit/s0.png", "back"),
        ("kit/s1.png", "home"),
        ("kit/s2.png", "finish"),
    ]


def test_a_later_question_with_a_text_of_its_own_is_refused():
    sizes = {f"s{i}.png": (108, 240) for i in range(3)}
    assert refusals(episode("<image>No, close it."), PLAIN, sizes) == [("schema.field_unread", "messages[2]")]


@pytest.mark.parametrize(
    ("record", "refusal"),
    [
        (episode("<image><image>", ""), ("image.count_mismatch", "messages[3]")),
        (episode("", "<image>"), ("step.screen_missing", "messages[3]")),
        (chat("Action: wait()", image=["s0.png", "s1.png"]), ("image.count_mismatch", "image")),
        (chat("Action: wait()", question="<image><image>Go."), ("image.count_mismatch", "conversations[0]")),
        (chat("Action: wait()", conversations=[{"from": "human", "value": "<image>Go."}, {"from": "tool", "value": "E"}, {"from": "gpt", "value": "Action: wait()"}]),
         ("schema.field_unread", "conversations[1]")),
        (chat("Action: wait()", conversations=[{"from": "narrator", "value": "E"}, {"from": "human", "value": "<image>Go."}, {"from": "gpt", "value": "Action: wait()"}]),
         ("schema.role_unknown", "conversations[0]")),
        (chat("Action: wait()", question="<image>"), ("step.goal_missing", "conversations[1]")),
        (chat("actions:\nSCROLL [UP]\nthoughts <point>[[1,2]]</point>"), ("step.action_unknown", "conversations[1].value")),
    ],
)  # fmt: skip
def test_screens_and_turns_without_a_place_are_refused(record: Any, refusal: tuple[str, str]):
    assert refusal in refusals(record, PLAIN, {"s0.png": (108, 240), "s1.png": (108, 240), "s2.png": (108, 240)})


def test_the_only_picture_of_a_chat_without_marks_is_its_screen():
    assert only(chat("Action: wait()", question="Open it.")) == {"action": "wait"}
    keyed = chat("Action: wait()", question="Open it: <image_00>", image={"<image_00>": "s0.png"})
    assert only(keyed) == {"action": "wait"}


def test_autoglm_says_what_is_on_the_screen_with_each_picture():
    turns: list[Any] = []
    for i, (asked, said) in enumerate(
        [("Open it.\n\n", 'do(action="Tap", element=[5,6])'), ("", 'do(action="Wait", duration="2 seconds")'), ("", 'finish(message="ok")')]
    ):
        parts = [{"type": "image_url", "image_url": {"url": f"s{i}.png"}}, {"type": "text", "text": f'{asked}** Screen Info **\n\n{{"current_app": "Clock"}}'}]
        turns += [{"role": "user", "content": parts}, {"role": "assistant", "content": f"<think>There.</think><answer>{said}</answer>"}]
    rows = rows_of({"messages": turns}, stepwise("plain"))
    assert [answer | {"thought": ""} for answer in answers(rows)] == [
        {"thought": "", "action": "tap", "point": [5, 6]},
        {"thought": "", "action": "wait", "duration": 2000},
        {"thought": "", "action": "finish", "text": "ok"},
    ]
    assert rows[0].messages[0].content.startswith("Task: Open it.\nScreen:")


def test_only_ui_tars_own_boxes_are_thousandths_without_being_asked():
    own, other = "Action: click(start_box='<|box_start|>(5,6)<|box_end|>')", "Action: click(start_box='(5,6)')"
    assert only(chat(own), stepwise("plain")) == {"action": "tap", "point": [5, 6]}
    assert refusals(chat(other), stepwise("plain"), {"s0.png": (108, 240)}) == [("step.coordinates_unknown", "conversations[1]")]
    assert only(chat("Action: click(x=0.5, y=0.25)"), stepwise("plain")) == {"action": "tap", "point": [500, 250]}


@pytest.mark.parametrize("unit", ["px", "thousand"])
def test_points_between_0_and_1_are_refused_where_another_unit_is_set(unit: str):
    config = stepwise("plain", coordinates={"from": unit})
    assert refusals(chat("Action: click(x=0.5, y=0.25)"), config, {"s0.png": (108, 240)}) == [("step.coordinates_unknown", "")]


def test_a_scroll_of_os_atlas_is_refused_because_its_direction_is_not_documented():
    record = {
        "messages": [
            {"role": "user", "content": "<image>Task instruction: Open it"},
            {"role": "assistant", "content": "actions:\nSCROLL [UP]"},
            {"role": "user", "content": "<image>"},
            {"role": "assistant", "content": "actions:\nCLICK <point>[[5, 6]]</point>"},
        ],
        "images": ["s0.png", "s1.png"],
    }
    (made,) = run(record, PLAIN, {"s0.png": (108, 240), "s1.png": (108, 240)})
    assert [(finding.code, finding.where) for finding in made.findings] == [("step.action_bad", "messages[1].content")]
    assert "does not document" in made.findings[0].detail


@pytest.mark.parametrize("answer", ['{"POINT":[500,250]}', '{"thought":"a","PRESS":"BACK"}', '{"duration":200}'])
def test_answers_in_the_form_of_the_model_are_left_to_rows_of_conversations(answer: str):
    (made,) = run(chat(answer), PLAIN, {"s0.png": (108, 240)})
    assert [finding.code for finding in made.findings] == ["schema.unknown_format"]
    assert "set rows: {of: conversation}" in made.findings[0].detail


def test_calls_of_a_computer_tool_are_steps_on_the_screen_of_the_result_before():
    use = [{"action": "left_click", "coordinate": [5, 6]}, {"action": "key", "text": "Return"}]
    anthropic = [
        {"role": "user", "content": [{"type": "text", "text": "Open it."}, {"type": "image_url", "image_url": {"url": "s0.png"}}]},
        {"role": "assistant", "content": [{"type": "text", "text": "There."}, {"type": "tool_use", "id": "1", "name": "computer", "input": use[0]}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": [{"type": "image", "image": "s1.png"}]}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "2", "name": "computer", "input": use[1]}]},
    ]
    openai = [
        {"role": "user", "content": "Open it.<image>"},
        {"role": "assistant", "content": "There.", "tool_calls": [{"id": "1", "function": {"name": "computer", "arguments": json.dumps(use[0])}}]},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "image_url", "image_url": {"url": "s1.png"}}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "2", "function": {"name": "computer", "arguments": json.dumps(use[1])}}]},
    ]
    for record in ({"messages": anthropic}, {"messages": openai, "images": ["s0.png"]}):
        rows = rows_of(record, PLAIN)
        assert answers(rows) == [{"thought": "There.", "action": "tap", "point": [5, 6]}, {"action": "enter"}]
        assert [row.images[0].uri for row in rows] == ["kit/s0.png", "kit/s1.png"]


def test_several_calls_of_one_answer_are_written_for_no_model():
    calls = [{"type": "tool_use", "name": "computer", "input": {"action": name}} for name in ("left_click", "wait")]
    turns = [{"role": "user", "content": "Open it.<image>"}, {"role": "assistant", "content": calls}]
    assert refusals({"messages": turns, "images": ["s0.png"]}, PLAIN, {"s0.png": (108, 240)}) == [("step.action_unsupported", "messages[1]")]


def test_reasoning_beside_an_answer_is_its_thought():
    answer = {"from": "gpt", "value": "Action: wait()", "reasoning_content": "There."}
    record = chat() | {"conversations": [{"from": "human", "value": "<image>Go."}, answer]}
    assert only(record) == {"thought": "There.", "action": "wait"}


def test_pictures_under_two_keys_are_refused_unless_they_are_the_same():
    assert only(chat("Action: wait()", images=["s0.png"])) == {"action": "wait"}
    assert refusals(chat("Action: wait()", images=["s1.png"]), PLAIN, {"s1.png": (108, 240)}) == [("schema.field_unread", "image")]


CODE = {"action": "tap", "point": [5, 6]}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("```python\nimport pyautogui\nimport time\npyautogui.click(5, 6)\n```", CODE),
        ("import pyautogui as pg; import time\npyautogui.click(5, 6)", CODE),
        ("```python\n# click on the button\npyautogui.click(5, 6)\n```", CODE),  # a comment belongs to the code, as it does after the first call
        ("I see it.\n```py\nimport pyautogui\n\n# click\npyautogui.click(5, 6)\n```", {"thought": "I see it."} | CODE),
        ("I see it.\n\nimport time\ntime.sleep(1)\npyautogui.click(5, 6)", {"thought": "I see it."} | CODE),
        ("Thought: I see it.\nAction: Tap it.\n```python\nimport pyautogui\npyautogui.click(5, 6)\n```", {"thought": "I see it."} | CODE),
        ("```python\nprint\n```\nis no use here.\npyautogui.click(5, 6)", {"thought": "```python\nprint\n```\nis no use here."} | CODE),
        ("I see that it is open.\n```DONE```", {"thought": "I see that it is open.", "action": "finish"}),
        ("It loads.\n```\nWAIT\n```\n", {"thought": "It loads.", "action": "wait"}),
        ("Action: [OK] comes next.\npyautogui.click(5, 6)", CODE),
        ("```FAIL```", {"action": "impossible"}),
        ('Action: pyautogui.write("""a\n```\nb""")', {"action": "type", "text": "a\n```\nb"}),
    ],
)
def test_python_before_the_call_is_no_thought(answer: str, said: Any):
    assert only(chat(answer)) == said


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        ("time.sleep(1); time.sleep(2)\npyautogui.sleep(1)", "step.action_bad"),
        ("for i in range(3):\n    pyautogui.press('tab')", "step.action_unknown"),
        ("```python\nif seen \\\n        or old:\n    pyautogui.press('tab')\n```", "step.action_unknown"),
        ("x = 5\npyautogui.click(x, 6)", "step.action_unknown"),
        ("import pyautogui\nI click it.\npyautogui.click(5, 6)", "step.action_unknown"),
        ("pyautogui.click(5, 6)\nThen I click OK.", "step.action_unknown"),
        ("```python\npyautogui.click(5, 6)\n```\n```DONE```", "step.action_unknown"),
        ("<action>click(x=5, y=6)</action> Then I press OK.", "schema.field_unread"),
        ("<operation>Tap it.</operation> And then OK. <action>click(x=5, y=6)</action>", "schema.field_unread"),
        ("<operation>Tap it. <action>click(x=5, y=6)</action>", "schema.field_unread"),
        ("<answer>click(x=5, y=6)</answer><think>That was wrong.</think>", "schema.field_unread"),
        ("<answer>click(x=5, y=6)</answer> or <answer>click(x=7, y=8)</answer>", "schema.field_unread"),
        ("Action: Tap it.\n<operation>Close it.</operation><action>click(x=5, y=6)</action>", "schema.field_unread"),
    ],
)
def test_nothing_that_an_answer_says_beside_its_action_is_lost(answer: str, refusal: str):
    assert refusal in [code for code, _ in refusals(chat(answer), PLAIN, {"s0.png": (108, 240)})]


def test_fences_around_the_action_or_its_tag_say_nothing():
    for answer in (
        "```\n<action>click(x=5, y=6)\n</action>\n```",
        "<action>\n```python\nclick(x=5, y=6)\n```\n</action>",
        "```json\n{'action': 'click', 'point': [5, 6]}```",
    ):
        assert only(chat(answer)) == CODE
    assert only(chat("Let me wait.\n```\npyautogui.sleep(2)\n```")) == {"thought": "Let me wait.", "action": "wait", "duration": 2000}


def test_the_words_before_the_code_are_the_instruction_of_the_step():
    config = stepwise("plain", coordinates={"from": "thousand"}, instruction="low")
    for answer in ("Action: Tap it.\n\nimport time\npyautogui.click(5, 6)", "<operation>Tap it.</operation><action>click(x=5, y=6)</action>"):
        (row,) = rows_of(chat(answer), config)
        assert row.messages[0].content.startswith("Task: Tap it.\nScreen:")


@pytest.mark.parametrize(
    ("text", "thought", "question"),
    [
        ("<think>I see it.</think>", "I see it.", "Open it."),
        ("Thought: I see it.\nAction: Tap the button.", "I see it.", "Tap the button."),
        ("I see it.", "I see it.", "Open it."),
    ],
)
def test_the_text_beside_a_call_is_read_like_any_answer(text: str, thought: str, question: str):
    call = {"function": {"name": "mobile_use", "arguments": {"action": "click", "coordinate": [5, 6]}}}
    record = {"messages": [{"role": "user", "content": "Open it.<image>"}, {"role": "assistant", "content": text, "tool_calls": [call]}], "images": ["s0.png"]}
    assert only(record) == {"thought": thought} | CODE
    if question != "Open it.":
        (row,) = rows_of(record, stepwise("plain", coordinates={"from": "thousand"}, instruction="low"))
        assert row.messages[0].content.startswith(f"Task: {question}\n")
    record["messages"][1]["content"] = f"{text}<tool_call>{{}}</tool_call>"
    assert refusals(record, PLAIN, {"s0.png": (108, 240)}) == [("schema.field_unread", "messages[1]")]


def spoken(question: Any, answer: Any, **more: Any) -> dict[str, Any]:
    """A chat of parts on one screen."""
    screen = {"type": "image_url", "image_url": {"url": "s0.png"}}
    asked = [{"type": "text", "text": "Open it."}, screen, *question]
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answer} | more]}


THOUGHT, WAIT = {"type": "thinking", "thinking": "There."}, {"type": "text", "text": "Action: wait()"}
CALL = {"function": {"name": "mobile_use", "arguments": {"action": "wait"}}}


@pytest.mark.parametrize(
    "record",
    [
        spoken([], [THOUGHT, WAIT]),
        spoken([], ["Action: wait()", {"type": "reasoning", "summary": [{"text": "There."}]}]),
        spoken([], [{"type": "reasoning", "text": "There."}], tool_calls=[CALL]),
        spoken([], [THOUGHT, WAIT], reasoning_content="There."),
        spoken([], [{"type": "redacted_thinking", "data": "x"}, THOUGHT, {"type": "output_text", "text": "Action: wait()"}]),
        spoken([], None, value="Thought: There.\nAction: wait()"),
    ],
)
def test_reasoning_among_the_parts_of_an_answer_is_its_thought(record: Any):
    assert only(record) == {"thought": "There.", "action": "wait"}


def result(content: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "1", "content": content}


@pytest.mark.parametrize(
    ("record", "refusal"),
    [
        (spoken([result("Error: click failed")], [WAIT]), ("schema.field_unread", "messages[0]")),
        (spoken([result([{"type": "text", "text": "Error: click failed"}])], [WAIT]), ("schema.field_unread", "messages[0]")),
        (spoken([{"type": "file", "file": "x.pdf"}], [WAIT]), ("schema.part_bad", "messages[0].content[2]")),
        (spoken([THOUGHT], [WAIT]), ("schema.part_bad", "messages[0].content[2]")),
        (spoken([5], [WAIT]), ("schema.part_bad", "messages[0].content[2]")),
        (spoken([], [WAIT, {"type": "image_url", "image_url": {"url": "s1.png"}}]), ("schema.part_bad", "messages[1].content[1]")),
        (spoken([], [WAIT], image="s1.png"), ("schema.field_unread", "messages[1]")),
        (spoken([], [WAIT | {"thought": "Not there."}]), ("schema.field_unread", "messages[1].content[0].thought")),
        (spoken([{"type": "image", "image": "s1.png", "text": "Close it."}], [WAIT]), ("schema.field_unread", "messages[0].content[2].text")),
        (spoken([], [WAIT | {"value": "Close it."}]), ("schema.field_unread", "messages[1].content[0].value")),
        (spoken([], {"a": 1}, tool_calls=[CALL]), ("schema.part_bad", "messages[1].content")),
        (spoken([], 5, tool_calls=[CALL]), ("schema.content_type", "messages[1].content")),
        (spoken([], "", tool_calls=[CALL, "click"]), ("schema.field_unread", "messages[1].tool_calls[1]")),
        (spoken([], [WAIT]) | {"conversations": [{"from": "human", "value": "Close it."}]}, ("schema.field_unread", "conversations")),
        ({"messages": [*spoken([], [WAIT])["messages"], "and close it"]}, ("schema.turn_not_object", "messages[2]")),
        (
            {"messages": [{"role": "system", "content": [{"type": "image", "image": "s1.png"}]}, *spoken([], [WAIT])["messages"]]},
            ("image.count_mismatch", "messages[0]"),
        ),
        (spoken([], [WAIT], loss_weight=0.5), ("schema.field_type", "messages[1]")),
        (spoken([], [WAIT], loss_weight="half"), ("schema.field_type", "messages[1].loss_weight")),
    ],
)
def test_what_nothing_reads_of_a_chat_refuses_it(record: Any, refusal: tuple[str, str]):
    assert refusal in refusals(record, PLAIN, {"s0.png": (108, 240), "s1.png": (108, 240)})


def test_a_system_message_whose_place_the_prompt_takes_is_noted():
    record = spoken([], [WAIT])
    record["messages"].insert(0, {"role": "system", "content": [{"type": "text", "text": "Never buy anything."}]})
    (row,) = rows_of(record, PLAIN)
    assert [(one.code, one.where, one.detail) for one in row.findings] == [
        ("step.question_replaced", "messages[0]", "the system message 'Never buy anything.'")
    ]


def test_findings_about_an_answer_name_its_text_or_its_call():
    answer = {"role": "assistant", "content": '{"action": "click", "coordinate": [5, 6], "alternative_action": "drag"}'}
    called = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "computer", "arguments": {"action": "pinch"}}}]}
    for turn, found in (
        (answer, ("schema.field_unread", "messages[1].content.alternative_action")),
        (called, ("step.action_unknown", "messages[1].tool_calls[0].function")),
    ):
        asked = {"role": "user", "content": [{"type": "image", "image": "s0.png"}, "Open it."]}
        assert refusals({"messages": [asked, turn]}, PLAIN, {"s0.png": (108, 240)}) == [found]


def alpaca(**more: Any) -> dict[str, Any]:
    return {"instruction": "<image>Open it.", "input": "", "output": "Action: click(5, 6)", "images": ["s0.png"]} | more


def test_the_form_of_alpaca_is_a_chat():
    assert only(alpaca()) == CODE
    assert (
        only(alpaca(instruction="You operate a phone.", input="<image>Open it.", output="<think>There.</think>Action: click(5, 6)"))
        == {"thought": "There."} | CODE
    )
    (row,) = rows_of(alpaca(instruction="You operate a phone.", input="<image>Open it.", system="Be brief."), PLAIN)
    assert row.messages[0].content.startswith("Task: You operate a phone.\nOpen it.\n")
    assert [(one.code, one.where) for one in row.findings] == [("step.question_replaced", "system")]
    rows = rows_of(alpaca(instruction="<image>", images=["s0.png", "s1.png"], history=[["<image>Open it.", "Action: press_back()"]]), PLAIN)
    assert [(row.images[0].uri, answer["action"]) for row, answer in zip(rows, answers(rows), strict=True)] == [("kit/s0.png", "back"), ("kit/s1.png", "tap")]


@pytest.mark.parametrize(
    ("record", "refusal"),
    [
        (alpaca(output="It is a clock."), ("schema.unknown_format", "")),
        (alpaca(output="Action: pinch(5, 6)"), ("step.action_unknown", "output")),
        (alpaca(images=[]), ("image.count_mismatch", "instruction")),
        (alpaca(history=[["Open it."]]), ("schema.turn_not_object", "history[0]")),
        (alpaca(rejected="Action: click(7, 8)"), ("schema.field_unread", "rejected")),
        (alpaca(instruction=5), ("schema.unknown_format", "")),
    ],
)
def test_what_alpaca_has_besides_one_action_is_refused(record: Any, refusal: tuple[str, str]):
    assert refusal in refusals(record, PLAIN, {"s0.png": (108, 240)})


def test_a_second_list_of_turns_may_only_be_the_same():
    record = spoken([], [WAIT])
    assert only(record | {"conversations": record["messages"]}) == {"action": "wait"}


def test_an_answer_is_not_trained_where_its_turn_or_a_part_says_so():
    trained = spoken([], [WAIT], loss_weight=1)
    assert only(trained) == {"action": "wait"}
    for record in (spoken([], [WAIT], loss_mask=0), spoken([], [WAIT | {"train": False}])):
        assert refusals(record, PLAIN, {"s0.png": (108, 240)}) == [("step.action_unsupported", "messages[1]")]


@pytest.mark.parametrize("images", [{"<image_00>": "s0.png", "<image_01>": "s1.png"}, ["s0.png", "s1.png"]])
def test_a_picture_without_a_mark_is_refused_in_both_forms(images: Any):
    record = chat("Action: wait()", question="<image_00>Open it.", image=images)
    assert refusals(record, PLAIN, {"s0.png": (108, 240), "s1.png": (108, 240)}) == [("image.count_mismatch", "image")]


def test_what_a_later_question_says_of_earlier_steps_is_replaced_like_that_of_the_first():
    asked = [f"<image>\n{ASKED}None", f"<image>\n{ASKED}Step 1: tapped the wrong thing, so undo it first"]
    turns = [turn for text in asked for turn in ({"role": "user", "content": text}, {"role": "assistant", "content": "Action: press_back()"})]
    rows = rows_of({"messages": turns, "images": ["s0.png", "s1.png"]}, PLAIN)
    assert [row.messages[0].content.split("\n")[0] for row in rows] == ["Task: Open it."] * 2
    assert ("step.question_replaced", "messages[1]") in notes(rows[0])
