"""Runs that are killed, that fail, or that run at the same time: a sample in `make test`, the whole campaign in `make test-long`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.crash.mistakes import MISTAKES

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


def test_there_are_at_least_twenty_planted_mistakes_each_with_an_experiment():
    assert len({mistake.name for mistake in MISTAKES if mistake.experiments}) >= 20
