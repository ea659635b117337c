"""Progress on stderr: one live bar per step in a terminal, otherwise one line per finished step."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from pyspark import StatusTracker
from pyspark.sql import SparkSession, is_remote
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from pipelines.visible import counted

if TYPE_CHECKING:
    from pyspark.sql.connect.shell.progress import StageInfo

POLL_SECONDS = 0.3
TaskCounter = Callable[[], tuple[int, int]]  # (finished, all) of the running stages; (0, 0) where nothing is known


class Steps:
    """The steps of one run and the seconds that each took. `show_progress` makes one."""

    def __init__(self, tasks: TaskCounter, console: Console, bars: Progress):
        self._tasks = tasks
        self._console = console
        self._bars = bars
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        bar = self._bars.add_task(name, total=None, tasks="")
        done = threading.Event()
        most = [0]
        poller = threading.Thread(target=self._poll, args=(bar, done, most), daemon=True)
        poller.start()
        try:
            yield
        finally:
            done.set()
            poller.join()
            self.seconds[name] = round(time.monotonic() - started, 3)
        self._bars.update(bar, total=1, completed=1, tasks="")
        if not self._console.is_terminal:
            tasks = f", {counted(most[0], 'task')}" if most[0] else ""
            self._console.print(f"{name}: {self.seconds[name]:.1f} s{tasks}", highlight=False)

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)

    def _poll(self, bar: TaskID, done: threading.Event, most: list[int]) -> None:
        while not done.wait(POLL_SECONDS):
            finished, total = self._tasks()
            most[0] = max(most[0], total)
            if total:
                self._bars.update(bar, total=total, completed=finished, tasks=f"{finished} of {counted(total, 'task')}")


def stderr_console() -> Console:
    """stderr, as a terminal only where it is one: a notebook's kernel sets FORCE_COLOR for the processes that it starts."""
    return Console(stderr=True, force_terminal=sys.stderr.isatty(), force_jupyter=False)


@contextmanager
def show_progress(spark: SparkSession) -> Iterator[Steps]:
    console = stderr_console()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[tasks]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars, _counted_tasks(spark) as tasks:
        yield Steps(tasks, console, bars)


@contextmanager
def _counted_tasks(spark: SparkSession) -> Iterator[TaskCounter]:
    """A function that returns how many tasks of the running stages are finished, and how many there are."""
    if not is_remote():
        yield partial(_active_tasks, spark.sparkContext.statusTracker())  # the one use of sparkContext
        return
    counter = ConnectTaskCounter()
    spark.registerProgressHandler(counter)
    try:
        yield counter.counts
    finally:
        spark.removeProgressHandler(counter)


def _active_tasks(tracker: StatusTracker) -> tuple[int, int]:
    stages = [info for stage in tracker.getActiveStageIds() if (info := tracker.getStageInfo(stage))]
    return sum(stage.numCompletedTasks for stage in stages), sum(stage.numTasks for stage in stages)


class ConnectTaskCounter:
    """Keeps the last progress that a Spark Connect server sent. Spark chose the names of the arguments."""

    def __init__(self) -> None:
        self._last = 0, 0

    def counts(self) -> tuple[int, int]:
        return self._last

    def __call__(self, stages: Iterable[StageInfo] | None, inflight_tasks: int, operation_id: str | None, done: bool) -> None:
        known = [] if done else list(stages or ())
        self._last = sum(stage.num_completed_tasks for stage in known), sum(stage.num_tasks for stage in known)
