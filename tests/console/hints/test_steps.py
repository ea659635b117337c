"""Hints at `rows: {of: step}`, where no conversation can be made of the episodes of a GUI agent."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.cli import main
from tests.making import asked, write_lines

STEP = {"episode_id": "523", "step_id": 0, "instruction": "open Clock", "image_path": "s0.png"}
STEP |= {"result_action_type": 4, "result_action_text": "", "result_touch_yx": "[0.5, 0.25]", "result_lift_yx": "[0.5, 0.25]"}
WITHOUT_SCREENS = {"confirmed_task": "Book it", "actions": [{"operation": {"op": "CLICK"}, "action_uid": "u"}]}
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
    checked, tried = said(tmp_path, capsys, [STEP, STEP | {"step_id": 1}, asked(), {"other": 1}])
    assert checked == tried == [f"source gui: {ROWS} would read 2 of 3 refused records as steps of AITZ, CAGUI, AITW"]


def test_they_say_what_is_the_matter_with_a_data_set_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    line = "source gui: Mind2Web's text form has no screens; use osunlp/Multimodal-Mind2Web, which has one for each action"
    assert said(tmp_path, capsys, [WITHOUT_SCREENS, WITHOUT_SCREENS | {"n": 1}]) == ([line], [line])


def test_init_says_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = write_lines(tmp_path / "gui.jsonl", [WITHOUT_SCREENS, asked()])
    assert main(["init", str(log), "--out", str(tmp_path / "mine.yaml")]) == 0
    line = "source gui: Mind2Web's text form has no screens; use osunlp/Multimodal-Mind2Web, which has one for each action"
    assert line in capsys.readouterr().err.splitlines()


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
