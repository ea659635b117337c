"""Hints at `rows: {of: step}`, where no conversation can be made of the episodes of a GUI agent."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.cli import main
from tests.making import asked, write_lines

STEP = {"episode_id": "523", "step_id": 0, "instruction": "open Clock", "image_path": "s0.png"}
STEP |= {"result_action_type": 4, "result_action_text": "", "result_touch_yx": "[0.5, 0.25]", "result_lift_yx": "[0.5, 0.25]"}
WITHOUT_SCREENS = {"confirmed_task": "Book it", "actions": [{"operation": {"op": "CLICK"}, "action_uid": "u"}]}
NO_SCREENS = "Mind2Web's text form has no screens; use osunlp/Multimodal-Mind2Web, which has one for each action"
ROWS = "rows: {of: step, prompt: agentcpm_gui}"


def said(tmp_path: Path, capsys: pytest.CaptureFixture[str], records: list[Any], source: str = "") -> tuple[list[str], list[str]]:
    """(lines of check, lines of try) about the settings of the source."""
    log = write_lines(tmp_path / "logs.jsonl", records)
    conf = tmp_path / "run.yaml"
    conf.write_text(f"sources: [{{name: gui, path: logs.jsonl{source}}}]\noutput: {{root: out}}\ngates: {{max_quarantined: 1}}\n")
    assert main(["check", str(conf)]) == 0
    assert main(["try", "--config", str(conf), str(log)]) == 0
    captured = capsys.readouterr()
    checked, tried = ([line for line in text.splitlines() if line.startswith("source gui: ")] for text in (captured.out, captured.err))
    return [line for line in checked if not line.endswith("logs.jsonl")], tried


def test_check_and_try_name_the_rows_that_would_read_refused_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    checked, tried = said(tmp_path, capsys, [*(STEP | {"step_id": number} for number in range(3)), asked(), {"other": 1}])
    assert checked == tried == [f"source gui: {ROWS} would read 3 of 4 refused records as steps of AITZ, CAGUI, AITW"]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([STEP], "1 of 1 refused record, of 21 records that were read, is a step of AITZ, CAGUI, AITW; it can be read in a source of its own"),
        (
            [STEP, STEP | {"step_id": 1}],
            "2 of 2 refused records, of 22 records that were read, are steps of AITZ, CAGUI, AITW; they can be read in a source of their own",
        ),
        (
            [{"episode_id": "e", "step_id": 0, "goal": "Go.", "screenshot": "s0.png", "action": {"type": "tap", "x": 540, "y": 1200}}],
            "1 of 1 refused record, of 21 records that were read, is a step of a GUI agent; it can be read in a source of its own",
        ),
    ],
)
def test_rows_that_would_refuse_most_records_are_not_proposed(tmp_path: Path, capsys: pytest.CaptureFixture[str], steps: list[Any], words: str):
    checked, tried = said(tmp_path, capsys, [*(asked(f"Question {n}?") for n in range(20)), *steps])
    assert checked == tried == [f"source gui: {words}, with {ROWS}"]


def test_they_say_what_is_the_matter_with_a_data_set_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    line = f"source gui: 2 of 2 refused records cannot be read as steps: {NO_SCREENS}"
    assert said(tmp_path, capsys, [WITHOUT_SCREENS, WITHOUT_SCREENS | {"n": 1}]) == ([line], [line])


def test_init_says_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = write_lines(tmp_path / "gui.jsonl", [WITHOUT_SCREENS, asked()])
    assert main(["init", str(log), "--out", str(tmp_path / "mine.yaml")]) == 0
    line = f"source gui: 1 of 1 refused record cannot be read as a step: {NO_SCREENS}"
    assert line in capsys.readouterr().err.splitlines()


def test_a_few_such_records_do_not_concern_the_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    few = [*(asked(f"Question {n}?") for n in range(20)), {"base64": "xx", "id": 3}, {"bbox": [1, 2, 3, 4], "caption": "x"}]
    others = [{"other": n} for n in range(5)]
    assert said(tmp_path, capsys, few[1:]) == ([], [])  # under a tenth of all
    assert said(tmp_path, capsys, [*few[-2:], *others]) == ([], [])  # few of those that were refused
    checked, tried = said(tmp_path, capsys, [*few, *others[:1], {"base64": "yy", "id": 4}])
    assert checked == tried
    assert [line.partition(":")[2].partition(":")[0] for line in checked] == [
        " 2 of 4 refused records cannot be read as steps",
        " 1 of 4 refused records cannot be read as a step",
    ]
    log = write_lines(tmp_path / "gui.jsonl", few[1:])
    assert main(["init", str(log), "--out", str(tmp_path / "mine.yaml")]) == 0
    assert "ScreenSpot" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("records", "source"),
    [
        ([asked(), {"other": 1}], ""),  # refused for another reason
        ([STEP | {"result_touch_yx": "[2, 3]"}], ", rows: {of: step}"),  # has the rows already
        ([STEP | {"resolved": False}], ", keep_if: {resolved: [true]}"),  # filtered
    ],
)
def test_other_records_get_no_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str], records: list[Any], source: str):
    checked, tried = said(tmp_path, capsys, records, source)
    assert [line for line in (*checked, *tried) if "rows" in line] == []


def test_only_the_first_refused_records_are_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipelines.console.hints.steps.MOST_RECORDS", 2)
    checked, tried = said(tmp_path, capsys, [STEP | {"step_id": number} for number in range(5)])
    assert checked == tried == [f"source gui: {ROWS} would read 2 of the first 2 refused records as steps of AITZ, CAGUI, AITW"]
