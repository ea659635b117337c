"""What is said while a run works: lines where nobody looks, and what a Connect server tells."""

from __future__ import annotations

from types import SimpleNamespace

from pipelines.spark.run.progress import ConnectTaskCounter, stderr_console


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
