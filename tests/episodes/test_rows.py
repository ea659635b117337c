"""Rows from steps: what a conversation of a step has, and what refuses an episode."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import ConfigError, load_config, parse_config
from pipelines.flow import open_flow
from pipelines.records import Conversation, Quarantined, sample_id_of
from tests.episodes.steps.records import SIZE, aitz, android, answers, odyssey, rows_of, run_records, sizes_of, stepwise, write_screens
from tests.making import configuration, notes, refusals, run, turns

TAP, BACK = {"action_type": "click", "x": 54, "y": 120}, {"action_type": "navigate_back"}


def test_a_row_has_the_system_message_that_agentcpm_gui_was_trained_with():
    (row, _) = rows_of(android([BACK]), stepwise())
    system, question, answer = row.messages
    assert (system.role, question.role, answer.role) == ("system", "user", "assistant")
    assert system.content.startswith("# Role\n你是一名熟悉安卓系统触屏GUI操作的智能体")
    schema = json.loads(system.content.partition("# Schema\n")[2])
    assert list(schema) == ["type", "description", "additionalProperties", "optional", "properties", "$defs"]
    # of the system message in OpenBMB/AgentCPM-GUI sft/readme.md @ acbaf50
    assert hashlib.sha256(system.content.encode()).hexdigest() == "2be07233ef62f6a742794abbdbb94b6c633fa923e93fd06d289a3533ab268c41"
    assert (question.content, question.image_at) == ("<Question>Go.</Question>\n当前屏幕截图：\n\n", (len("<Question>Go.</Question>\n当前屏幕截图：\n"),))


def test_the_low_instruction_is_that_of_the_step_and_must_be_there():
    rows = rows_of(android([BACK, TAP]), stepwise("plain", instruction="low"))
    assert [row.messages[0].content.partition("\n")[0] for row in rows] == ["Task: Do 0", "Task: Do 1", "Task: finish the task"]
    assert refusals(odyssey(("HOME", ""), ("BACK", "")), stepwise(instruction="low"), sizes_of(2)) == [
        ("step.goal_missing", "steps[0]"),
        ("step.goal_missing", "steps[1]"),
    ]


def test_the_history_lists_actions_and_shows_screens_with_their_answers():
    episode = android([BACK, TAP, BACK, TAP])
    rows = rows_of(episode, stepwise("plain", history={"steps": 3, "images": 2}))
    assert turns(rows[3]) == [
        ("user", "", "Screen:\n"),
        ("assistant", "", '{"action":"back"}'),
        ("user", "", 'Task: Go.\nPrevious actions:\n1. {"action":"back"}\n2. {"action":"tap","point":[500,500]}\nScreen:\n'),
        ("assistant", "", '{"action":"tap","point":[500,500]}'),
    ]
    assert [message.loss_weight for message in rows[3].messages] == [None, 0.0, None, None]
    assert [image.uri for image in rows[3].images] == ["kit/s2.png", "kit/s3.png"]
    assert turns(rows[0]) == [("user", "", "Task: Go.\nScreen:\n"), ("assistant", "", '{"action":"back"}')]


def test_loss_all_also_trains_the_answers_to_earlier_screens():
    rows = rows_of(android([BACK, TAP]), stepwise("plain", history={"images": 3}, loss="all"))
    assert [message.loss_weight for message in rows[2].messages] == [None] * 6
    assert [len(row.images) for row in rows] == [1, 2, 3]


def test_a_step_that_the_model_has_no_words_for_stays_in_the_history_and_is_never_trained():
    episode = android([{"action_type": "open_app", "app_name": "Maps"}, TAP])
    rows = rows_of(episode, stepwise(history={"steps": 1, "images": 2}, loss="all"))
    assert answers(rows) == [{"POINT": [500, 500]}, {"STATUS": "finish"}]
    assert [message.loss_weight for message in rows[0].messages] == [None, None, 0.0, None, None]
    assert rows[0].messages[2].content == '{"action":"open_app","text":"Maps"}'
    assert notes(rows[0]) == [("step.left_out", "actions[0]")]
    assert notes(rows[1]) == []
    assert [row.sample_id for row in rows] == [sample_id_of(rows[0].record_id, i) for i in (1, 2)]


@pytest.mark.parametrize(
    ("finish_row", "episode", "count"),
    [
        ("auto", android([BACK, TAP]), 3),
        (True, android([BACK, TAP]), 3),
        (False, android([BACK, TAP]), 2),
        ("auto", android([BACK, TAP], screens=2), 2),
        (True, android([BACK, TAP], screens=2), 2),
        ("auto", android([BACK, {"action_type": "status", "goal_status": "complete"}]), 2),
        ("auto", odyssey(("HOME", ""), ("COMPLETE", "")), 2),
    ],
)
def test_a_finish_row_needs_a_screen_after_the_last_action(finish_row: Any, episode: Any, count: int):
    rows = rows_of(episode, stepwise(finish_row=finish_row))
    assert len(rows) == count
    wanted = finish_row is True and len(episode["screenshots"]) == 2
    assert ("step.left_out" in [finding.code for finding in rows[0].findings]) == wanted


def test_the_thought_is_part_of_the_answer_unless_reasoning_is_dropped():
    step = aitz(0, 6, coat_action_think="Go home.")
    assert answers(rows_of(step, stepwise())) == [{"thought": "Go home.", "PRESS": "HOME"}]
    assert answers(rows_of(step, stepwise(normalize={"reasoning": "drop"}))) == [{"PRESS": "HOME"}]


def test_a_text_that_the_form_cannot_write_is_noted():
    record = {"goal": "Go.", "steps": [{"screenshot": "s0.png", "action": "finished(content='42')"}]}
    (row,) = rows_of(record, stepwise())
    assert (answers([row]), notes(row)) == ([{"STATUS": "finish"}], [("step.text_left_out", "steps[0]")])
    assert answers(rows_of(record, stepwise("plain"))) == [{"action": "finish", "text": "42"}]


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (
            android([TAP, {"action_type": "fly"}, {"action_type": "click"}]),
            [("step.action_unknown", "actions[1]"), ("step.action_bad", "actions[2]")],
        ),
        (android([{"action_type": "navigate_back", "thought": "t"}]), [("schema.field_unread", "actions[0].thought")]),
        (android([{"action_type": "click", "arguments": {"x": 5, "y": 6, "thought": "t"}}]), [("schema.field_unread", "actions[0].arguments.thought")]),
        (android([{"action_type": "click", "x": 5}]), [("step.action_bad", "actions[0]")]),
        (android([{"action_type": "click", "x": "a", "y": 1}]), [("step.action_bad", "actions[0]")]),
        (
            android([{"action_type": "click", "x": 109, "y": 1}, {"action_type": "click", "x": 1, "y": -1}]),
            [("step.point_outside", "actions[0]"), ("step.point_outside", "actions[1]")],
        ),
        (android([TAP], screens=1, screenshot_heights=[]), [("step.counts", "screenshot_heights")]),
        (android([TAP, TAP], screens=1), [("step.counts", "screenshots")]),
        (android([TAP, TAP, TAP], step_instructions=["a"]), [("step.counts", "step_instructions")]),
        (android([]), [("schema.turns_empty", "actions")]),
        (android([TAP], goal=""), [("step.goal_missing", "goal")]),
        (
            android([TAP], screenshot_widths=[240, 240], screenshot_heights=[240, 240]),
            [("step.size_mismatch", "actions[0]")],
        ),
        (odyssey(("CLICK", [[500, 1001]])), [("step.point_outside", "steps[0]")]),
        (odyssey(("CLICK", [[0.5, 0.2]])), [("step.coordinates_unknown", "")]),
        (odyssey(("SCROLL", [[5, 5], [5, 5]])), [("step.action_bad", "steps[0].action")]),
        (odyssey(("CLICK", [[500, 100]]), images=["x.png"]), [("schema.field_unread", "images")]),
        (aitz(0, 2), [("step.action_unknown", "result_action_type")]),
        (aitz(0, 4), [("step.action_bad", "result_action_type")]),
        ({"goal": "Go.", "steps": [{"screenshot": "s0.png", "action": {"type": "tap", "x": 5, "y": 5}}]}, [("step.coordinates_unknown", "steps[0]")]),
        (
            {"goal": "Go.", "steps": [{"action": "home()"}, {"screenshot": 7, "action": "home()"}]},
            [("step.screen_missing", "steps[0]"), ("image.ref_type", "steps[1].screenshot")],
        ),
        ({"goal": "Go.", "steps": [{"screenshot": "s0.png", "action": "home()"}, 7]}, [("schema.turn_not_object", "steps[1]")]),
    ],
)
def test_an_episode_is_refused_with_every_step_that_cannot_be_read(record: Any, found: list[tuple[str, str]]):
    assert sorted(refusals(record, stepwise(), sizes_of(9))) == sorted(found)


def test_a_missing_picture_refuses_the_whole_episode_and_each_is_named():
    sizes = {"s1.png": SIZE}
    (row,) = run(android([TAP, TAP]), stepwise(), sizes)
    assert isinstance(row, Quarantined)
    assert [(finding.code, finding.where) for finding in row.findings] == [("image.missing", "screenshots[0]"), ("image.missing", "screenshots[2]")]


def test_points_in_px_are_measured_on_the_picture_where_the_log_has_no_size():
    record = {"goal": "Go.", "steps": [{"screenshot": "s0.png", "action": {"type": "tap", "x": 540, "y": 1200}}]}
    config = stepwise(coordinates={"from": "px"})
    assert answers(rows_of(record, config, (1080, 2400))) == [{"POINT": [500, 500]}]
    assert answers(rows_of(record, config, (2160, 4800))) == [{"POINT": [250, 250]}]


def test_the_order_of_coordinates_can_be_set():
    record = {"goal": "Go.", "steps": [{"screenshot": "s0.png", "action": {"type": "tap", "point": [0.25, 0.5]}}]}
    assert answers(rows_of(record, stepwise())) == [{"POINT": [250, 500]}]
    assert answers(rows_of(record, stepwise(coordinates={"order": "yx"}))) == [{"POINT": [500, 250]}]


def test_the_number_of_conversations_is_in_the_books(tmp_path: Path):
    write_screens(tmp_path / "screens", 3)
    config = stepwise(source={"path": str(tmp_path / "logs.jsonl"), "image_root": str(tmp_path / "screens")})
    made = run_records([android([TAP, TAP]), android([TAP], goal="")], tmp_path, config)
    assert [type(one).__name__ for one in made] == ["Conversation"] * 3 + ["Quarantined"]
    assert [one.step_id for one in made if isinstance(one, Conversation)] == ["0", "1", "2"]


TEMPLATE = (
    "{% set system %}You act.{% endset %}{% if current %}{{ question }}{% for step in history %} {{ step.instruction }}{% endfor %}{% endif %}{{ screen }}!"
)


def test_a_template_of_ones_own_is_read_from_its_file_and_becomes_part_of_the_configuration(tmp_path: Path):
    (tmp_path / "ask.jinja").write_text(TEMPLATE)
    (tmp_path / "c.yaml").write_text("sources: [{name: kit, path: logs.jsonl, rows: {of: step, prompt: ask.jinja, history: {steps: 1}}}]\noutput: {root: out}")
    config = load_config(tmp_path / "c.yaml")
    assert config.sources[0].rows.prompt == TEMPLATE
    rows = rows_of(android([BACK, TAP]), config)
    assert turns(rows[1]) == [("system", "", "You act."), ("user", "", "Go. Do 0!"), ("assistant", "", '{"action":"tap","point":[500,500]}')]
    assert rows[1].messages[1].image_at == (len("Go. Do 0"),)


def test_a_goal_that_looks_like_a_mark_or_a_template_is_text():
    rows = rows_of(android([BACK], goal="[screen 0] {{ 7 * 7 }} <image> [screen 1]"), stepwise("plain"))
    assert rows[0].messages[0].content == "Task: [screen 0] {{ 7 * 7 }} <image> [screen 1]\nScreen:\n"
    assert rows[0].messages[0].image_at == (len(rows[0].messages[0].content),)


@pytest.mark.parametrize(
    ("prompt", "fault"),
    [
        ("agentcpm-gui", "'agentcpm-gui' is neither a bundled prompt (agentcpm_gui, plain) nor a file; did you mean agentcpm_gui?"),
        ("{{ question }}", "the template writes the screen 0 times; expected once, as in {{ screen }}"),
        ("{{ screen }}{{ screen }}", "the template writes the screen 2 times; expected once, as in {{ screen }}"),
        ("{{ screen }}{% if %}", "the template fails: TemplateSyntaxError"),
        ("{{ screen }}{{ question.nothing.at_all }}", "the template fails: UndefinedError"),
        ("{{ screen }}{{ ().__class__ }}{{ ().__class__.__base__.__subclasses__() }}", "the template fails: SecurityError"),
        ("{% set system %}Do: {{ goal }}{% endset %}{{ screen }}", "the system text or the form differs from step to step"),
        ("{% set system %}{{ history | length }}{% endset %}{{ screen }}", "the system text or the form differs from step to step"),
        ("{% set system %}{{ screen }}{% endset %}{{ screen }}", "the system text or the form differs from step to step"),
        ("{% set form = 'siri' %}{{ screen }}", "the template sets form to 'siri'; expected one of agentcpm_gui, plain"),
    ],
)
def test_a_prompt_that_cannot_be_used_is_a_fault_of_the_configuration(prompt: str, fault: str):
    with pytest.raises(ConfigError) as caught:
        open_flow(stepwise(prompt))
    assert caught.value.faults[0].startswith(f"sources[0].rows.prompt: {fault}")


def test_a_template_that_fails_for_one_record_refuses_this_record():
    prompt = "{{ screen }}{% if '!' in goal %}{{ screen }}{% endif %}"
    assert len(rows_of(android([BACK]), stepwise(prompt))) == 2
    assert refusals(android([BACK], goal="Go!"), stepwise(prompt), sizes_of(2)) == [
        ("step.prompt_failed", "actions[0]"),
        ("step.prompt_failed", "screenshots[1]"),
    ]


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ({"of": "steps"}, "sources[0].rows.of: "),
        ({"prompt": "agentcpm_gui"}, "sources[0].rows: prompt is read with of: step only"),
        ({"of": "step", "history": {"images": 0}}, "sources[0].rows.history.images: "),
        ({"of": "step", "histori": {}}, "sources[0].rows.histori: unknown key; did you mean history?"),
        ({"of": "step", "coordinates": {"from": "pixel"}}, "sources[0].rows.coordinates.from: "),
        ({"of": "step", "finish_row": "maybe"}, "sources[0].rows.finish_row: expected auto, true or false, found 'maybe'"),
        ({"of": "step", "group_by": "ep"}, "sources[0].rows: group_by and order_by are given together"),
        ({"of": "step", "loss": "first"}, "sources[0].rows.loss: "),
    ],
)
def test_a_mistake_in_rows_is_a_sentence_with_its_place(rows: Any, fault: str):
    with pytest.raises(ConfigError) as caught:
        parse_config({"sources": [{"name": "a", "path": "a", "rows": rows}], "output": {"root": "o"}})
    assert len(caught.value.faults) == 1
    assert caught.value.faults[0].startswith(fault), caught.value.faults


def test_rows_of_steps_find_their_format():
    with pytest.raises(ConfigError, match="format must be auto or module:function, not openai"):
        parse_config({"sources": [{"name": "a", "path": "a", "format": "openai", "rows": {"of": "step"}}], "output": {"root": "o"}})


def test_settings_of_rows_survive_a_round_trip_through_json():
    config = stepwise(coordinates={"from": "px", "order": "yx"}, finish_row=True, group_by="a.b", order_by="n", history={"steps": 2})
    assert type(config).model_validate_json(config.model_dump_json()) == config
    assert configuration().sources[0].rows.of == "conversation"


@pytest.mark.parametrize("duration", [2.5, 3, 0, -5, "3s", "2000", True])
def test_a_duration_that_may_be_in_seconds_refuses_the_episode(duration: Any):
    record = {"episode_id": "e", "goal": "Go.", "steps": [{"screenshot": "s0.png", "action": {"type": "wait", "duration": duration}}]}
    assert refusals(record, stepwise("plain"), sizes_of(1)) == [("step.action_bad", "steps[0].action")]


def test_a_last_step_without_an_action_is_named():
    steps = [{"screenshot": "s0.png", "action": {"type": "wait", "duration": 500}}, {"screenshot": "s1.png", "action": None}]
    *_, last = run({"episode_id": "e", "goal": "Go.", "steps": steps}, stepwise(), sizes_of(2))
    assert json.loads(last.messages[-1].content)["STATUS"] == "finish"
    assert ("step.finish_added", "steps[1].screenshot") in notes(last)


def test_steps_in_another_order_than_their_numbers_refuse_the_episode():
    record = odyssey(("CLICK", [[500, 500], [500, 500]]), ("HOME", ""))
    record["steps"].reverse()
    assert refusals(record, stepwise(), sizes_of(2)) == [("step.numbers_descend", "steps[1]")]
