"""Runs that are killed, that fail, or that run at the same time: a sample in `make test`, the whole campaign in `make test-long`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.crash.episodes import EpisodeScene, books
from tests.crash.mistakes import MISTAKES
from tests.making import write_lines

ROOT = Path(__file__).parents[2]


def campaign(*arguments: str) -> dict[str, Any]:
    """The counts of a campaign. It runs in a process of its own, whose forks are the drivers."""
    done = subprocess.run([sys.executable, "-m", "tests.crash", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, [line for line in done.stderr.splitlines() if not line.endswith(": ok")][-30:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.spark
def test_readers_see_nothing_wrong_after_a_disturbed_run_and_the_next_run_repairs_it():
    figures = campaign("--sample", "1", "--seed", "118")
    assert (figures["faults"], figures["experiments"]) == (0, {"points": 1})


@pytest.mark.spark
@pytest.mark.long
def test_every_point_of_a_run_and_every_planted_mistake():
    figures = campaign("--mistakes")
    assert figures["faults"] == 0
    assert figures["points_tried"] == figures["points"]
    assert figures["mistakes_caught"] == figures["mistakes"]


def row(source: str, line: int, *texts: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "assistant", "content": text, "loss_weight": None} for text in texts]
    return {"origin": {"source": source, "line": line}, "sample_id": f"{source} {line}", "messages": messages, "window": 0, "dialect": None} | more


@pytest.mark.parametrize(
    ("table", "rows", "fault"),
    [
        ("conversations", [], ""),
        ("quarantine", [row("steps", 1)], "records with several states, or none: [('calls', 2), ('steps', 1)]"),
        ("samples", [], "2 conversations were offered, 0 are rows or refused"),
        ("conversations", [row("calls", 1, "a", "a"), row("steps", 1)], "answers that are trained twice: {'a': 2}"),
    ],
)
def test_the_books_of_episodes_find_what_is_missing_or_twice(tmp_path: Path, table: str, rows: list[dict[str, Any]], fault: str):
    scene = EpisodeScene(tmp_path)
    write_lines(tmp_path / "logs" / "n1" / "calls.jsonl", [{}, {}])
    write_lines(tmp_path / "logs" / "n1" / "steps.jsonl", [{}])
    kept = [row("calls", 1, "a", "b"), row("steps", 1)]
    seen = {"conversations": kept, "samples": kept, "quarantine": [row("calls", 2)]} | ({table: rows} if fault else {})
    assert books(scene, {name: [json.dumps(one) for one in found] for name, found in seen.items()}) == ([fault] if fault else [])


def test_there_are_at_least_twenty_planted_mistakes_each_with_an_experiment():
    assert len({mistake.name for mistake in MISTAKES if mistake.experiments}) >= 20
