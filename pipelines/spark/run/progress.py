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
    def step(self, name: str, amount: int = 0, unit: str = "record") -> Iterator[None]:
        """`amount` is how many records, or bytes, the step works through; 0 where nobody knows."""
        started = time.monotonic()
        bar = self._bars.add_task(name, total=None, tasks="")
        done = threading.Event()
        most = [0]
        poller = threading.Thread(target=self._poll, args=(bar, done, most, started, amount, unit), daemon=True)
        poller.start()
        try:
            yield
        finally:
            done.set()
            poller.join()
            self.seconds[name] = round(time.monotonic() - started, 3)
        self._bars.update(bar, total=1, completed=1, tasks=rate_words(amount, self.seconds[name], unit))
        if not self._console.is_terminal:
            tasks = counted(most[0], "task") if most[0] else ""
            words = [f"{self.seconds[name]:.1f} s", tasks, amount_words(amount, unit) if amount else "", rate_words(amount, self.seconds[name], unit)]
            self._console.print(f"{name}: {', '.join(word for word in words if word)}", highlight=False)

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)

    def _poll(self, bar: TaskID, done: threading.Event, most: list[int], started: float, amount: int, unit: str) -> None:
        while not done.wait(POLL_SECONDS):
            finished, total = self._tasks()
            most[0] = max(most[0], total)
            if total:
                words = progress_words(finished, total, time.monotonic() - started, amount, unit)
                self._bars.update(bar, total=total, completed=finished, tasks=words)


def progress_words(finished: int, total: int, seconds: float, amount: int = 0, unit: str = "record") -> str:
    """What is done and what is left, as if all tasks took equally long.

    >>> progress_words(3, 12, 10, 4000)
    '3 of 12 tasks, about 1,000 of 4,000 records, 100 per second, 30 s left'
    >>> progress_words(0, 1, 2.0)
    '0 of 1 task'
    """
    words = [f"{finished} of {counted(total, 'task')}"]
    part = finished / total
    if amount and finished:
        done = int(amount * part)
        some = f"{done:,}" if unit != "byte" else amount_words(done, unit)
        words += [f"about {some} of {amount_words(amount, unit)}", rate_words(done, seconds, unit)]
    if finished and finished < total:
        words.append(f"{_duration(seconds * (1 - part) / part)} left")
    return ", ".join(word for word in words if word)


def amount_words(amount: int, unit: str) -> str:
    """
    >>> amount_words(4000, "record"), amount_words(12_345_678, "byte"), amount_words(960, "byte")
    ('4,000 records', '12.3 MB', '1.0 kB')
    """
    return _bytes(amount) if unit == "byte" else counted(amount, unit)


def rate_words(amount: int, seconds: float, unit: str) -> str:
    """
    >>> rate_words(500, 2, "record"), rate_words(12_345_678, 2, "byte"), rate_words(1, 4, "record"), rate_words(0, 2, "record")
    ('250 per second', '6.2 MB/s', '0.25 per second', '')
    """
    if not amount or seconds <= 0:
        return ""
    rate = amount / seconds
    return f"{_bytes(rate)}/s" if unit == "byte" else f"{rate:,.0f} per second" if rate >= 10 else f"{rate:.2g} per second"


def _bytes(size: float) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def _duration(seconds: float) -> str:
    """
    >>> _duration(29.6), _duration(95), _duration(7260)
    ('30 s', '1:35 min', '2:01 h')
    """
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60}:{whole % 60:02} min" if whole < 3600 else f"{whole // 3600}:{whole % 3600 // 60:02} h"


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
