"""The progress of a run: lines where stderr is no terminal, and the counts that a Connect server sends."""

from __future__ import annotations

from io import StringIO
from threading import Event
from types import SimpleNamespace

import pytest
from rich.console import Console
from rich.progress import Progress

from pipelines.spark.run.progress import ConnectTaskCounter, Steps, stderr_console


def test_a_kernel_that_sets_force_color_gets_lines(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not stderr_console().is_terminal


def test_the_last_progress_of_a_connect_server_is_kept_until_the_query_ends():
    counter = ConnectTaskCounter()
    stages = [SimpleNamespace(num_tasks=8, num_completed_tasks=3), SimpleNamespace(num_tasks=4, num_completed_tasks=4)]
    counter(stages=stages, inflight_tasks=2, operation_id="one", done=False)
    assert counter.counts() == (7, 12)
    counter(stages=stages, inflight_tasks=0, operation_id="one", done=True)
    assert counter.counts() == (0, 0)


@pytest.mark.parametrize(
    ("amount", "unit", "line"),
    [
        (0, "record", "tokenize: 2.0 s"),
        (500, "record", "tokenize: 2.0 s, 500 records, 250 per second"),
        (3_000_000, "byte", "tokenize: 2.0 s, 3.0 MB, 1.5 MB/s"),
    ],
)
def test_a_finished_step_has_its_total_and_its_rate(amount: int, unit: str, line: str, monkeypatch: pytest.MonkeyPatch):
    times = iter([7.0, 9.0])
    monkeypatch.setattr("pipelines.spark.run.progress.time", SimpleNamespace(monotonic=lambda: next(times)))
    console = Console(file=StringIO(), width=200)
    with Steps(lambda: (0, 0), console, Progress(console=console, disable=True)).step("tokenize", amount, unit):
        pass
    assert console.file.getvalue() == line + "\n"


@pytest.mark.parametrize(("tasks", "line"), [(0, "report: 0.0 s"), (1, "report: 0.0 s, 1 task"), (12, "report: 0.0 s, 12 tasks")])
def test_a_finished_step_is_a_line_with_its_seconds_and_tasks(tasks: int, line: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipelines.spark.run.progress.POLL_SECONDS", 0.001)
    monkeypatch.setattr("pipelines.spark.run.progress.time", SimpleNamespace(monotonic=lambda: 7.0))
    polled = Event()

    def count() -> tuple[int, int]:
        polled.set()
        return 0, tasks

    console = Console(file=StringIO())
    with Steps(count, console, Progress(console=console, disable=True)).step("report"):
        polled.wait(10)
    assert console.file.getvalue() == line + "\n"
