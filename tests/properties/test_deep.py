"""The same properties with ten times as many examples, new ones in every run, and every dialect."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_the_properties_hold_for_ten_times_as_many_random_examples():
    seed = str(int(time.time()))
    command = [sys.executable, "-m", "pytest", "tests/properties", "-q", "-x", "-m", "not long", f"--hypothesis-seed={seed}"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"EXAMPLES": "10"}, capture_output=True, text=True)
    assert done.returncode == 0, f"seed {seed}\n{done.stdout[-8000:]}"
