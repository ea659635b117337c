"""Runs that are killed, that fail and that meet: a sample in every test run, the whole campaign with `make test-long`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.mistakes import MISTAKES

ROOT = Path(__file__).parents[2]


def campaign(*arguments: str) -> dict[str, object]:
    """In a process of its own: its drivers are forks of a process that has opened no table."""
    done = subprocess.run([sys.executable, "-m", "tests.crash", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, [line for line in done.stderr.splitlines() if " right" not in line][-30:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.spark
def test_readers_see_nothing_wrong_after_a_disturbed_run_and_the_next_run_repairs_it():
    # This seed fails the step right after the moment of publication: the report must still come in.
    figures = campaign("--form", "delta", "--sample", "1", "--seed", "118")
    assert (figures["faults"], figures["delta"]["experiments"]) == (0, 1)  # type: ignore[index]


@pytest.mark.spark
@pytest.mark.long
def test_a_seeded_mistake_is_caught():
    figures = campaign("--form", "parquet", "--sample", "1", "--mistakes", "--only", "never roll back")
    assert figures["parquet"]["mistakes_caught"] == 1  # type: ignore[index]


@pytest.mark.spark
@pytest.mark.long
@pytest.mark.parametrize("form", ["delta", "parquet"])
def test_every_point_of_a_run_and_every_seeded_mistake(form: str):
    figures = campaign("--form", form, "--mistakes")
    assert figures["faults"] == 0
    assert figures[form]["points_tried"] == figures[form]["points"]  # type: ignore[index]
    assert figures[form]["mistakes_caught"] == figures[form]["mistakes"]  # type: ignore[index]


def test_there_are_at_least_twenty_seeded_mistakes_for_each_form():
    assert all(len([mistake for mistake in MISTAKES if form in mistake.forms]) >= 20 for form in ("delta", "parquet"))
