"""What the jobs share: one JSON line on stdout per run, the hooks, and the exit code.

Logs name a failure by type and place. The messages of a library can contain a user's text, so they go to a file beside the data.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from pipelines.config import Config, ConfigError
from pipelines.hooks import call_hook, hook_for
from pipelines.ledger.batches import Refused
from pipelines.storage.files import write_file
from pipelines.storage.locations import StoreError, Unreachable, join
from pipelines.storage.locks import LostRace
from pipelines.tables.publication.complete import RootDamaged
from pipelines.tables.reading import NotPublished
from pipelines.visible import visible

if TYPE_CHECKING:
    from pipelines.spark.run.completion import Result

OUR_FAULT, USAGE = 1, 2
REFUSALS = {
    Unreachable: "error",  # the same run may pass later, so its exit code is that of a lost driver
    ConfigError: "configuration",
    StoreError: "configuration",
    FileNotFoundError: "configuration",
    Refused: "refused",
    LostRace: "lost_race",
    NotPublished: "not_published",
    RootDamaged: "root_damaged",
}


def run_id_of(batch: str, started: datetime) -> str:
    return f"{batch}.{started:%Y%m%dT%H%M%SZ}.{uuid4().hex[:8]}"


class JobStatus:
    """Reports how each run ended and keeps the worst exit code: 1 before 2 before 3 before 0."""

    def __init__(self, config: Config | None = None):
        self.config = config
        self.codes: list[int] = []

    @property
    def exit_code(self) -> int:
        return next((code for code in (1, 2, 3) if code in self.codes), 0)

    @contextmanager
    def run(self, batch: str) -> Iterator[Callable[[Result], None]]:
        """The block runs one batch and passes its result to the function. An exception is reported as the run's end and not raised further."""
        with _ReportErrors(self, batch):
            yield self.result

    def result(self, result: Result) -> None:
        print(visible("\n".join(result.summary())), file=sys.stderr)
        self.report(result.exit_code, result.line())

    def nothing_to_do(self, words: str) -> None:
        """Reports that no batch has anything to run."""
        print(visible(words), file=sys.stderr)
        self.report(0, {"status": "unchanged", "words": [words], "batch": None})

    def report(self, code: int, line: dict[str, Any]) -> None:
        self.codes.append(code)
        data = orjson.dumps(line | {"exit_code": code}) + b"\n"
        sys.stdout.write(data.decode())
        sys.stdout.flush()
        if self.config and (fault := call_hook(hook_for(self.config.hooks, code), data)):
            print(visible(f"run: {fault}"), file=sys.stderr)


class _ReportErrors:
    """The one place that catches a job's exceptions. KeyboardInterrupt and the like are not caught."""

    def __init__(self, job: JobStatus, batch: str):
        self.job, self.batch = job, batch

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if error is None or not isinstance(error, Exception):
            return False
        status = next((status for refusal, status in REFUSALS.items() if isinstance(error, refusal)), None)
        if status:
            words = str(error).splitlines()
            print(visible("\n".join(f"run: {word}" for word in words)), file=sys.stderr)
            self.job.report(OUR_FAULT if status == "error" else USAGE, {"status": status, "words": words, "batch": self.batch})
            return True
        word, details = describe(error), self._details(error)
        print(visible(f"run: {word}" + (f"; details in {details}" if details else "")), file=sys.stderr)
        self.job.report(OUR_FAULT, {"status": "error", "words": [word], "batch": self.batch, "details": details})
        return True

    def _details(self, error: Exception) -> str | None:
        """Writes the whole traceback under the output root, beside the data; None where that fails too."""
        if self.job.config is None:
            return None
        path = join(self.job.config.output.root, f"_errors/{run_id_of(self.batch, datetime.now(UTC))}.txt")
        try:
            write_file(path, "".join(traceback.format_exception(error)).encode(), self.job.config.stores)
        except (OSError, StoreError):
            return None
        return path


def describe(error: Exception) -> str:
    """Type and place in our own innermost frame; for an error of the file system also its message, which holds no user's text."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next((frame for frame in reversed(frames) if "/pipelines/" in frame.filename), frames[-1])
    what = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    return f"{type(error).__name__}{what} in {place.name}, line {place.lineno} of {place.filename.rpartition('/')[2]}"
