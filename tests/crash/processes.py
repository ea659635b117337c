"""Kills a whole process with its JVM and workers at a random moment, so that failures between the named points are tested too."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml

from tests.crash.stage import Stage, again, reader_faults

ROOT = Path(__file__).parents[2]
LONGEST = 60  # seconds


def killed_at_random(stage: Stage, chance: random.Random) -> list[str]:
    """Kills the main job with all its child processes, usually soon after it has written its report."""
    scene = stage.fresh()
    settings = scene.folder / "conf.yaml"
    settings.write_text(yaml.safe_dump(scene.config().model_dump(mode="json", exclude_none=True)))
    command = [sys.executable, "jobs/run.py", "--config", str(settings), "--batch", "n1"]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    staged = _wait_for_report(scene.root, process)
    delay = chance.uniform(0, 3) if staged else 0
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    faults = reader_faults(stage, scene, ["before", "amended"], f"after the kill, {delay:.1f} s after its report was written")
    return faults + again(stage, scene, "n1", "amended")


def _wait_for_report(root: Path, process: subprocess.Popen[bytes]) -> bool:
    before = set((root / "_runs").glob("*/report.html"))
    until = time.monotonic() + 3 * LONGEST
    while time.monotonic() < until and process.poll() is None:
        if set((root / "_runs").glob("*/report.html")) - before:
            return True
        time.sleep(0.05)
    return False
