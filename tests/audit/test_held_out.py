"""A folder of test sets: conversations, and records that only have a task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.audit.episodes import TEST_SET, Side
from pipelines.audit.held_out import read_held_out
from pipelines.images.screens import difference_hash
from tests.images.test_screens import SCREEN, packed
from tests.making import asked, write_lines


@pytest.mark.parametrize(
    ("record", "task"),
    [
        (asked("Order tea."), "Order tea."),
        ({"instruction": "Order tea.", "id": 7, "evaluator": {"func": "exact"}}, "Order tea."),  # as OSWorld's
        ({"intent": "Order tea.", "sites": ["shop"]}, "Order tea."),  # as WebArena's
        ({"problem_statement": "It raises.", "repo": "a/b"}, "It raises."),  # as SWE-bench's
        ({"prompt": [{"role": "system", "content": "S"}, {"role": "user", "content": "Order tea."}]}, "Order tea."),
        ({"messages": [{"role": "user", "content": "Order tea."}]}, "Order tea."),  # a conversation without an answer
    ],
)
def test_the_task_of_a_record_is_found(tmp_path: Path, record: dict[str, Any], task: str):
    write_lines(tmp_path / "tests" / "a.jsonl", [record])
    made = read_held_out(f"{tmp_path}/tests")
    assert [(episode.side, text) for episode, text in made.read()] == [(Side("tests", TEST_SET), task)]
    assert [text for _, text in made.read()] == [task]  # it can be read twice


def test_a_record_without_a_task_is_counted_by_its_reason(tmp_path: Path):
    write_lines(tmp_path / "a.jsonl", [{"id": 1}, b"{broken", {"task": 7}, asked("Q")])
    made = read_held_out(str(tmp_path))
    assert len(made.episodes) == 1
    assert made.without_task == {"schema.unknown_format": 2, "line.invalid_json": 1}


def test_an_episode_has_the_task_and_the_screen_of_its_first_step(tmp_path: Path):
    (tmp_path / "shot.png").write_bytes(packed(SCREEN))
    steps = [asked(f"<image>Step {step}", images=["shot.png"], episode_id="e", step_id=step) for step in (2, 1, 3)]
    write_lines(tmp_path / "steps.jsonl", [*steps, asked("<image>Other", images=["lost.png"], episode_id="f")])
    made = read_held_out(str(tmp_path))
    assert [(episode.episode_id, text, episode.screen is not None) for episode, text in made.read()] == [("e", "Step 1", True), ("f", "Other", False)]
    (screen,) = (episode.screen for episode, _ in made.read() if episode.screen)
    assert made.hashes == {screen: difference_hash(packed(SCREEN))}


def test_a_folder_that_does_not_exist_is_an_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        read_held_out(str(tmp_path / "nowhere"))
