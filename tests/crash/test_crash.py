"""Runs that are killed, that fail, or that run at the same time: a sample in `make test`, the whole campaign in `make test-long`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.mistakes import MISTAKES

ROOT = Path(__file__).parents[2]


def campaign(*arguments: str) -> dict[str, object]:
    """The counts of a campaign. It runs in a process of its own, whose forks are the drivers."""
    done = subprocess.run([sys.executable, "-m", "tests.crash", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, [line for line in done.stderr.splitlines() if not line.endswith(": ok")][-30:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.spark
def test_readers_see_nothing_wrong_after_a_disturbed_run_and_the_next_run_repairs_it():
    # This seed makes the step right after the moment of publication fail. The report must still be put into place.
    figures = campaign("--form", "delta", "--sample", "1", "--seed", "118")
    assert (figures["faults"], figures["delta"]["experiments"]) == (0, 1)  # type: ignore[index]


@pytest.mark.spark
@pytest.mark.long
def test_a_planted_mistake_is_caught():
    figures = campaign("--form", "parquet", "--sample", "1", "--mistakes", "--only", "never roll back")
    assert figures["parquet"]["mistakes_caught"] == 1  # type: ignore[index]


@pytest.mark.spark
@pytest.mark.long
@pytest.mark.parametrize("form", ["delta", "parquet"])
def test_every_point_of_a_run_and_every_planted_mistake(form: str):
    figures = campaign("--form", form, "--mistakes")
    assert figures["faults"] == 0
    assert figures[form]["points_tried"] == figures[form]["points"]  # type: ignore[index]
    assert figures[form]["mistakes_caught"] == figures[form]["mistakes"]  # type: ignore[index]


def test_there_are_at_least_twenty_planted_mistakes_for_each_form():
    assert all(len([mistake for mistake in MISTAKES if form in mistake.forms]) >= 20 for form in ("delta", "parquet"))
