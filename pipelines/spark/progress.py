"""What a person sees while a run works: one live bar per step on stderr; without a terminal, one line when a step is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

POLL_SECONDS = 0.3


class Steps:
    """The steps of one run, with the seconds each took. Open it with `watch`."""

    def __init__(self, spark: SparkSession, console: Console, bars: Progress):
        self._tracker = _tracker(spark)
        self._console = console
        self._bars = bars
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        bar = self._bars.add_task(name, total=None, tasks="")
        done = threading.Event()
        poller = threading.Thread(target=self._poll, args=(bar, done), daemon=True)
        poller.start()
        try:
            yield
        finally:
            done.set()
            poller.join()
            self.seconds[name] = round(time.monotonic() - started, 3)
        self._bars.update(bar, total=1, completed=1, tasks="")
        if not self._console.is_terminal:
            self._console.print(f"{name}: {self.seconds[name]:.1f} s", highlight=False)

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)

    def _poll(self, bar: TaskID, done: threading.Event) -> None:
        while not done.wait(POLL_SECONDS):
            finished, total = self._tasks()
            if total:
                self._bars.update(bar, total=total, completed=finished, tasks=f"{finished}/{total} tasks")

    def _tasks(self) -> tuple[int, int]:
        """Finished and all tasks of the stages that run now; (0, 0) where the engine does not say."""
        if self._tracker is None:
            return 0, 0
        stages = [info for stage in self._tracker.getActiveStageIds() if (info := self._tracker.getStageInfo(stage))]
        return sum(stage.numCompletedTasks for stage in stages), sum(stage.numTasks for stage in stages)


@contextmanager
def watch(spark: SparkSession) -> Iterator[Steps]:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[tasks]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        yield Steps(spark, console, bars)


def _tracker(spark: SparkSession):
    """Classic Spark's status tracker: the one use of sparkContext. Spark Connect has none; there the bar only turns."""
    try:
        return spark.sparkContext.statusTracker()
    except (PySparkException, AttributeError):
        return None
