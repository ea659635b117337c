"""`episodes show` of an episode: its steps in order, and on the page the points of its actions on their screens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipelines.cli import main
from tests.episodes.steps.records import android, write_screens
from tests.making import asked, write_lines

CONF = """\
sources: [{{name: kit, path: "{0}/logs", image_root: "{0}/screens"{1}}}]
output: {{root: "{0}/out"}}
"""
TAP = {"action_type": "click", "x": 54, "y": 60}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_screens(tmp_path / "screens", 12)
    write_lines(tmp_path / "logs" / "a.jsonl", [android([TAP] * 10 + [{"action_type": "navigate_back"}])])
    (tmp_path / "c.yaml").write_text(CONF.format(tmp_path, ", rows: {of: step, prompt: agentcpm_gui}"))
    return tmp_path


def show(home: Path, *more: str) -> None:
    assert main(["show", "--config", f"{home}/c.yaml", f"{home}/logs/a.jsonl", "--line", "1", *more]) == 0


def test_the_steps_of_an_episode_are_listed_in_order(home: Path, capsys: pytest.CaptureFixture[str]):
    show(home)
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("episode 20 · 12 rows")
    assert lines[start + 1] == 'step 0  kit/s0.png  {"POINT":[500,250]}'
    assert lines[start + 10 : start + 13] == [
        'step 9  kit/s9.png  {"POINT":[500,250]}',
        'step 10  kit/s10.png  {"PRESS":"BACK"}',
        'step 11  kit/s11.png  {"STATUS":"finish"}',
    ]


def test_the_page_draws_the_point_of_each_step_on_its_screen(home: Path):
    show(home, "--html", f"{home}/page.html")
    page = (home / "page.html").read_text()
    assert page.count('<circle cx="54" cy="60" r="6.2"><title>tap at (500, 250), in thousandths of the screen</title></circle>') == 10
    assert page.count('<svg class="gestures" viewBox="0 0 108 240"') == 10
    assert re.findall(r"<figcaption>step (\d+) ", page) == [str(i) for i in range(12)]
    assert "<script" not in page


def test_a_record_with_one_conversation_has_no_episode_view(home: Path, capsys: pytest.CaptureFixture[str]):
    write_lines(home / "logs" / "a.jsonl", [asked()])
    (home / "c.yaml").write_text(CONF.format(home, ""))
    show(home)
    assert "episode 20" not in capsys.readouterr().out
    show(home, "--html", f"{home}/page.html")
    assert 'id="steps"' not in (home / "page.html").read_text()
