"""Runs inputs and watches them. An unexpected exception, more than 2 s or more than 512 MB is a finding, and its input is kept."""

from __future__ import annotations

import hashlib
import json
import resource
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

SECONDS = 2.0  # of CPU time, so that a busy machine makes no input slow
MEGABYTES = 512
WRITE_EVERY = 2.0  # seconds; the figures of a process that dies are at most this old


@dataclass(slots=True)
class Figures:
    """The figures of one process. `findings` are sentences: one per place that raised an exception, one per slow or large input."""

    target: str
    inputs: int = 0
    seconds: float = 0.0
    exceptions: int = 0
    slowest: float = 0.0
    megabytes: float = 0.0
    findings: list[str] = field(default_factory=list)


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Watch:
    """Runs a target on inputs. Any exception that leaves the target is unexpected; a broken property is an AssertionError."""

    def __init__(self, name: str, target: Callable[[bytes], None], folder: Path):
        self.figures = Figures(name)
        self._target, self._folder = target, folder
        self._places: set[str] = set()
        self._began = self._written = time.monotonic()
        self._first = self._peak = peak_megabytes()
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, data: bytes) -> None:
        begun = time.process_time()
        try:
            self._target(data)
        except Exception as error:  # any exception is a finding
            self._raised(error, data)
        self._measured(time.process_time() - begun, data)

    def write(self) -> None:
        self.figures.seconds, self.figures.megabytes = time.monotonic() - self._began, self._peak
        (self._folder / "figures.json").write_text(json.dumps(asdict(self.figures)))

    def _raised(self, error: Exception, data: bytes) -> None:
        self.figures.exceptions += 1
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} in {last.name}, {Path(last.filename).name}:{last.lineno}"
        if place not in self._places:
            self._places.add(place)
            self._keep("exception", f"{place}: {str(error)[:200]}", data)

    def _measured(self, seconds: float, data: bytes) -> None:
        self.figures.inputs += 1
        if seconds > self.figures.slowest:
            self.figures.slowest = seconds
            if seconds > SECONDS:
                self._keep("slow", f"{seconds:.1f} s", data)
        peak = peak_megabytes()
        if peak > self._peak:
            self._peak = peak
            if peak - self._first > MEGABYTES:
                self._keep("large", f"{peak - self._first:.0f} MB more than at the start", data)
        if time.monotonic() - self._written > WRITE_EVERY:
            self._written = time.monotonic()
            self.write()

    def _keep(self, kind: str, words: str, data: bytes) -> None:
        name = f"{kind}-{hashlib.sha256(data).hexdigest()[:16]}"
        (self._folder / name).write_bytes(data)
        self.figures.findings.append(f"{name}: {words}")
