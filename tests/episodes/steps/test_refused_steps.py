"""A record that is refused is still a step of its episode: no row is made whose history lacks it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import Limits
from pipelines.episodes.steps.numbers import number_of_refused
from pipelines.local import run_files
from pipelines.records import Conversation, StepNumber, raw_record
from tests.episodes.steps.records import aitz, mind2web, odyssey, stepwise, write_screens
from tests.episodes.steps.test_groups import asked, outcomes
from tests.golden import open_case
from tests.making import run_lines, write_lines

FAULTS: dict[str, dict[str, Any]] = {
    "step.action_unknown": {"action": "fly"},
    "step.action_bad": {"action": "tap"},
    "step.point_outside": {"action": {"type": "tap", "x": 5000, "y": 1}, "screen_width": 108, "screen_height": 240},
    "image.ref_type": {"screenshot": 7},
    "schema.unknown_format": {"screenshot": None},
    "step.goal_missing": {"goal": 7},
    "schema.field_unread": {"video": "v.mp4"},
    "step.number_bad": {"step_id": "x"},
    "image.missing": {"screenshot": "gone.png"},
}
DAMAGE: dict[str, Callable[[str], str]] = {
    "line.truncated_json": lambda text: text[:-40],
    "line.trailing_garbage": lambda text: text + text,
    "json.duplicate_key": lambda text: text[:-1] + ', "goal": "Stay."}',
    "line.nul_bytes": lambda text: text.replace("Go.", "Go\0"),
    "line.too_large": lambda text: text.replace("Go.", "Go. " * 2000),
}


def one_step(number: Any, episode: Any = "e", **more: Any) -> dict[str, Any]:
    """A step under the usual names: whether the first one of its episode is 0 or 1 is not documented."""
    action = {"type": "tap", "x": 1 + int(float(number)), "y": 0}
    return {"episode_id": episode, "step_id": number, "goal": "Go.", "screenshot": f"s{int(float(number))}.png", "action": action} | more


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_screens(tmp_path / "screens", 8, (1000, 1000))
    return tmp_path


def codes(folder: Path, *files: list[Any], **rows: Any) -> list[str]:
    return [asked(one)[0] for one in outcomes(folder, *files, coordinates={"from": "px"}, **rows)]


@pytest.mark.parametrize("history", [{"steps": 1}, {"steps": 2, "images": 2}, {"steps": 9}, {"images": 3}])
def test_no_row_has_a_history_that_lacks_a_step_whatever_step_is_refused_for_whatever_reason(folder: Path, history: dict[str, int]):
    length, images = max(history.get("steps", 0), history.get("images", 1) - 1), history.get("images", 1)
    steps = [
        (code if number == bad else "", one_step(number, f"{code} {first} {bad}", **(FAULTS.get(code, {}) if number == bad else {})))
        for code in (*FAULTS, *DAMAGE)
        for first in (0, 1)
        for bad in range(first, first + 4)
        for number in range(first, first + 4)
    ]
    source = {"path": str(folder / "logs"), "image_root": str(folder / "screens")}
    config = stepwise("plain", source, history=history, coordinates={"from": "px"}).model_copy(update={"limits": Limits(line_bytes=4000)})
    log = folder / "logs" / "a.jsonl"
    log.parent.mkdir()
    log.write_text("".join(DAMAGE.get(code, str)(json.dumps(step)) + "\n" for code, step in steps))
    made = list(run_files(open_case(config), [str(log)]))
    kept = 0
    for (code, step), one in zip(steps, made, strict=True):
        fault, first, bad = step["episode_id"].split(" ")
        number = one.step_id if isinstance(one, Conversation) else str(step["step_id"])
        if code:
            assert asked(one)[0] == code
            continue
        earlier = range(max(int(first), int(number) - length), int(number))
        if int(bad) not in earlier or isinstance(one, Conversation):
            assert isinstance(one, Conversation) or fault == "step.number_bad", (step, one.findings)
        if isinstance(one, Conversation):
            kept += 1
            listed, points = asked(one)[1], [[number + 1, 0] for number in earlier]
            shown = [json.loads(message.content)["point"] for message in one.messages[:-1] if message.role == "assistant"]
            assert listed + shown == points
            assert len(shown) == min(images - 1, len(earlier))
            assert int(bad) not in earlier
    assert kept > len(steps) / 3


def test_the_steps_after_a_refused_one_say_which_record_it_is(folder: Path):
    made = outcomes(folder, [one_step(0, action="fly"), one_step(1), one_step(2), one_step(4)], coordinates={"from": "px"})
    assert [one.findings[0].detail for one in made[1:]] == [
        f"step 0 of the episode is refused ({folder}/logs/0.jsonl:1), and the history of step 1 needs it",
        f"step 0 of the episode is refused ({folder}/logs/0.jsonl:1), and the history of step 2 needs it",
        "step 3 of the episode is missing or refused, and the history of step 4 needs it",
    ]
    (row,) = [one for one in outcomes(folder, [one_step(0, action="fly"), one_step(2)], coordinates={"from": "px"}) if one.findings[0].code == "step.gap"]
    assert row.findings[0].detail == f"steps 0, 1 of the episode are missing or refused ({folder}/logs/0.jsonl:1), and the history of step 2 needs them"
    assert row.episode_id == "e"


def test_what_is_found_on_an_earlier_screen_names_the_record_of_that_step(folder: Path):
    lines = [one_step(0, screenshot="gone.png"), one_step(1), one_step(2, action={"type": "tap", "x": 5000, "y": 0}), one_step(3)]
    made = outcomes(folder, lines, history={"steps": 1}, coordinates={"from": "px"})
    assert [(one.findings[0].code, one.findings[0].where) for one in made] == [
        ("image.missing", "screenshot"),
        ("image.missing", f"step 0 of the episode ({folder}/logs/0.jsonl:1): screenshot"),
        ("step.point_outside", ""),
        ("step.point_outside", f"step 2 of the episode ({folder}/logs/0.jsonl:3)"),
    ]


def test_of_a_refused_record_and_another_with_the_same_number_the_other_counts(folder: Path):
    lines = [one_step(0), one_step(1, action="fly"), one_step(1), one_step(2)]
    assert codes(folder, lines) == ["0", "step.action_unknown", "1", "2"]
    assert codes(folder, [lines[1], lines[3]], [lines[0], lines[2], lines[1]]) == ["step.action_unknown", "2", "0", "1", "record.duplicate"]


def test_a_step_that_is_refused_twice_with_the_same_bytes_is_one_gap(folder: Path):
    assert codes(folder, [one_step(0, action="fly"), one_step(0, action="fly"), one_step(1)]) == ["step.action_unknown", "record.duplicate", "step.gap"]


def test_a_step_whose_number_cannot_be_read_may_be_the_first_one(folder: Path):
    made = outcomes(folder, [one_step(1), one_step(2), one_step(3), one_step(3, step_id="x"), one_step(1, "other")], coordinates={"from": "px"})
    assert [asked(one)[0] for one in made] == ["step.gap", "step.gap", "3", "step.number_bad", "1"]
    assert made[0].findings[0].detail.endswith(f"; {folder}/logs/0.jsonl:4 is of this episode too, and its number cannot be read")
    assert codes(folder, [one_step(0), one_step(1), one_step(1, step_id=None)]) == ["0", "1", "step.number_bad"]


def test_a_line_of_an_episode_that_is_no_step_leaves_its_steps(folder: Path):
    assert codes(folder, [{"episode_id": "e", "task": "Go.", "device": "x"}, one_step(1), one_step(2)]) == ["schema.unknown_format", "1", "2"]


def test_a_record_that_keep_if_leaves_out_is_no_step_of_its_episode(folder: Path):
    """As where an agent logs a reset of the screen as step 0. A step that is taken out of the middle is missing."""
    reset = {"episode_id": "e", "step_id": 0, "goal": "Go.", "screenshot": "s0.png", "kind": "reset"}
    lines = [reset, *(one_step(i, kind="step") for i in (1, 2, 3))]
    source = {"path": str(folder / "logs"), "image_root": str(folder / "screens")}
    for keep_if, made in (({}, ["schema.unknown_format", "step.gap", "step.gap", "3"]), ({"keep_if": {"kind": ["step"]}}, ["record.filtered", "1", "2", "3"])):
        config = stepwise("plain", source | keep_if, history={"steps": 2}, coordinates={"from": "px"})
        outcome = run_lines(config, write_lines(folder / "logs" / "a.jsonl", lines))
        assert [asked(one)[0] for one in outcome] == made
    assert (outcome[0].episode_id, outcome[0].step) == (None, None)
    lines[2]["kind"] = "reset"
    assert [asked(one)[0] for one in run_lines(config, write_lines(folder / "logs" / "a.jsonl", lines))] == [
        "record.filtered",
        "1",
        "record.filtered",
        "step.gap",
    ]


def test_without_a_history_a_refused_step_is_not_read_again(folder: Path):
    (refused, kept) = outcomes(folder, [one_step(0, action="fly"), one_step(1)], history={}, coordinates={"from": "px"})
    assert (refused.step, refused.episode_id, asked(kept)[0]) == (None, None, "1")


def test_ids_and_numbers_of_other_types_are_those_of_one_episode(folder: Path):
    """pandas writes whole numbers as 1.0 where a column has gaps."""
    lines = [one_step(0.0, 7), one_step("1", "7"), one_step("2.0", 7), one_step(3, 7, action="fly", step_id=3.0), one_step("4", "7")]
    assert codes(folder, lines, history={"steps": 1}) == ["0", "1", "2", "step.action_unknown", "step.gap"]
    lines = [one_step(0, 7.0), one_step(1, "7.0"), one_step(2, 7, action="fly"), one_step(3, 7.0), one_step(4, "7")]
    made = outcomes(folder, lines, history={"steps": 1}, coordinates={"from": "px"})
    assert [asked(one)[0] for one in made] == ["0", "1", "step.action_unknown", "step.gap", "4"]
    assert {one.episode_id for one in made} == {"7"}
    assert codes(folder, [one_step(0, 7.5), one_step(0, 1e17)]) == ["step.number_bad"] * 2
    floats = odyssey(("HOME", ""), ("COMPLETE", ""))
    floats["steps"] = [step | {"step": float(2 - i)} for i, step in enumerate(floats["steps"])]
    (descending,) = outcomes(folder, [floats])
    assert (descending.findings[0].code, descending.findings[0].detail) == ("step.numbers_descend", "its number is 1, after 2")
    assert codes(folder, [one_step(0, step_id=0.5), one_step(0, step_id="--1"), one_step(0, step_id=1e300)]) == ["step.number_bad"] * 3


@pytest.mark.parametrize(
    ("record", "rows", "step"),
    [
        (one_step(3, action="fly"), {}, ("e", 3, "e")),
        (one_step(3, image="s.png", screenshot=None, action=None), {}, ("e", 3, "e")),
        (one_step(3, step_id=None, step="4.0", goal=None), {}, ("e", 4, "e")),
        (one_step(3, step_id="x"), {}, ("e", None, "e")),
        (one_step(3, goal=None, step_id=None), {}, None),
        (one_step(3, None), {}, None),
        (aitz(2, 99), {}, ("7", 2, "7")),
        (aitz(2, 4, result_touch_yx=None), {}, ("7", 2, "7")),
        (mind2web(1, operation=None), {}, ("a", 1, "a")),
        ({"session": {"id": 5}, "n": 1.0, "trajectory_id": "t"}, {"group_by": "session.id", "order_by": "n"}, ("5", 1, "t")),
        ({"session": {"id": {}}, "n": 1}, {"group_by": "session.id", "order_by": "n"}, None),
        ({"goal": "Go.", "steps": [{"screenshot": "s.png", "action": "fly"}], "episode_id": "e", "step_id": 1}, {}, None),
        ('{"episode_id": "e", "step_id": 1', {}, ("e", None, "e")),
        ('{"episode_id": "e", "step_id": 1, "goal": "G', {}, ("e", 1, "e")),
        ('{"episode_id": "e", "step_id": 1, "goal": "G", "goal": "H"}', {}, ("e", 1, "e")),
        ('{"episode_id": "e", "step_id": 1} and more', {}, ("e", 1, "e")),
        ('{"episode_id": "e\0", "step_id": 1, "goal": "G"}', {}, None),
        ('{"episode_id": "e\ufffd", "step_id": 1, "goal": "G', {}, None),
        ('{"episode_id": "e\ufffd", "step_id": 1, "goal": "G"}', {}, ("e\ufffd", 1, "e\ufffd")),
        ('{"task": "a", "episode_id": "e\0", "step_id": 1, "goal": "G"}', {"group_by": "task", "order_by": "step_id"}, ("a", 1, "a")),
        ('{"episode_id": "7.0", "step_id": 1, "goal": "G', {}, ("7", 1, "7")),
        (b'{"episode_id": "e\xff", "step_id": 1, "goal": "G"}', {}, None),
        ('{"goal": "G, "episode_id": "e", "step_id": 1}', {}, None),
        ('{"episode_id": "\\ud800", "step_id": 1, "goal": 1}', {}, None),
        ('["e", 1]', {}, None),
    ],
)
def test_a_refused_record_has_the_number_that_its_text_says(record: Any, rows: dict[str, Any], step: tuple[str, int | None, str] | None):
    config = stepwise(history={"steps": 1}, **rows)
    raw = raw_record("kit", "logs.jsonl", 1, record if isinstance(record, bytes) else (record if isinstance(record, str) else json.dumps(record)).encode())
    assert number_of_refused(raw, config.sources[0], config) == (step and StepNumber(*step))


def test_the_names_of_folders_may_say_the_episode_of_a_refused_step(folder: Path):
    config = stepwise(source={"path": str(folder / "logs"), "image_root": str(folder / "screens")}, prompt="plain", history={"steps": 1})
    lines = [{key: value for key, value in one_step(i, action=action).items() if key != "episode_id"} for i, action in enumerate(("fly", "home"))]
    files = [write_lines(folder / "logs" / f"episode_id={name}" / "a.jsonl", [line | {"goal": name} for line in lines]) for name in "ab"]
    assert [asked(one)[0] for one in run_files(open_case(config), list(map(str, files)))] == ["step.action_unknown", "step.gap"] * 2
