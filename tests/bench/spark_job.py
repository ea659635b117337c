"""The whole job through spark-submit: the CPU time of all its processes, including the JVM and the Python workers."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from pipelines.config import Config

ROOT = Path(__file__).parents[2]
SUBMIT = Path(sys.executable).parent / "spark-submit"
POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Cost:
    cpu: float
    wall: float
    python_mb: float  # the largest of the Python processes
    records: int
    images_opened: int
    seconds: Mapping[str, float]  # of each step but the last
    cpu_of: Mapping[str, float]  # CPU seconds of the driver's Python, the JVM, the workers and whatever else, as polled


def run(config: Config, batch: str, master: str = "local[*]") -> Cost:
    """Runs a batch through spark-submit, or those of `A..B` in one session. Raises CalledProcessError if one was not published."""
    root = Path(config.output.root)
    root.parent.mkdir(parents=True, exist_ok=True)
    conf = root.parent / f"{root.name}.json"  # JSON is YAML
    conf.write_text(json.dumps(config.model_dump(mode="json", exclude_defaults=True)))
    command = [str(SUBMIT), "--master", master, "--driver-memory", "2g", "--properties-file", "conf/local.conf"]
    command += ["jobs/run.py", "--config", str(conf), "--backfill" if ".." in batch else "--batch", batch]
    ran = run_watched(command, os.environ | {"PYSPARK_PYTHON": sys.executable})
    result = ran.output
    manifest = json.loads((root / "reports" / result["batch"] / "manifest.json").read_bytes())
    return Cost(
        max(ran.cpu, sum(ran.cpu_of.values())),
        ran.wall,
        ran.python_mb,
        result["counts"]["records"],
        result["images_opened"],
        manifest["seconds"],
        ran.cpu_of,
    )


class Ran(NamedTuple):
    """A command that succeeded: its last line of JSON, CPU seconds, seconds, and its largest Python process."""

    output: dict[str, Any]
    cpu: float
    wall: float
    python_mb: float
    cpu_of: Mapping[str, float]


def run_watched(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Ran:
    """Raises CalledProcessError with the end of its stderr."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    watch = _Watch(child.pid)
    output, errors = child.communicate()
    watch.stop()
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command, stderr=errors[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(json.loads(output.splitlines()[-1]), cpu, time.monotonic() - started, watch.largest / 2**20, watch.cpu_of())


def cpu_per_record(large: Cost, small: Cost, records: int, few: int) -> float:
    """The CPU seconds of a record, without start-up: the difference between two runs, per record."""
    return (large.cpu - small.cpu) / (records - few)


class _Watch:
    """Polls a process and all its descendants, because workers are children of a daemon that does not wait for them."""

    def __init__(self, pid: int):
        self._pid, self._done = pid, threading.Event()
        self._cpu: dict[int, tuple[str, float]] = {}
        self.largest = 0  # bytes, of the Python processes
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def cpu_of(self) -> dict[str, float]:
        """CPU seconds by the kind of process."""
        spent: dict[str, float] = {}
        for kind, cpu in self._cpu.values():
            spent[kind] = spent.get(kind, 0) + cpu
        return spent

    def _poll(self) -> None:
        while not self._done.wait(POLL_SECONDS):
            for process in self._processes():
                try:
                    times = process.cpu_times()
                    kind = _kind(process)
                    self._cpu[process.pid] = (kind, times.user + times.system)
                    if kind != "JVM":
                        self.largest = max(self.largest, process.memory_info().rss)
                except psutil.Error:
                    continue  # it ended meanwhile

    def _processes(self) -> Sequence[psutil.Process]:
        try:
            own = psutil.Process(self._pid)
            return [own, *own.children(recursive=True)]
        except psutil.Error:
            return []


def _kind(process: psutil.Process) -> str:
    if "python" not in process.name():
        return "JVM"
    return "driver" if any(part.endswith("jobs/run.py") for part in process.cmdline()) else "workers"
