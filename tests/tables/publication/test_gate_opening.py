"""A run whose gate failed is published from its plan, on disk and in a store."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deltalake import DeltaTable

from pipelines.tables.publication.gate_opening import CannotOpen, publish_staged, write_row
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.publication.staged import as_of_run, staged_runs, write_staged_report
from tests.published import begin_run, plan_rows, publish_run, row_for
from tests.tables.publication.kit import keys_of, on_disk_and_in_a_store, plan_for, tables_of


def stage(root: OutputRoot, run_id: str, batch: str, finished: str = "2026-11-22T05:00:00+00:00", **rows: int) -> None:
    """What a run leaves whose gate failed."""
    plan = plan_for(root, run_id, batch)
    begin_run(root, plan, status="gate_failed", finished=finished, gates_failed=["min_records: none"])
    kept = {table: sum(json.loads(file.stats)["numRecords"] for file in files) for table, files in plan.tables.items() if table != "images"}
    write_row(root, row_for(plan, 5, settings={}, states=[("records", 4)], sources=[("kit", {"files": 1, "records": 4})]), kept | rows)
    write_staged_report(root, batch, b"staged", {"run_id": run_id})


def rows_of(root: OutputRoot, table: str, key: str) -> list[Any]:
    return sorted(row[key] for row in root.published().rows(table))


@on_disk_and_in_a_store
def test_a_staged_run_is_published_once_and_its_row_names_who_opened_the_gate(root: OutputRoot):
    publish_run(root, plan_for(root, "mon.r1", "mon"), 1)
    stage(root, "mon.r2", "mon")
    published, batch = as_of_run(root, "mon.r2")
    assert (batch, sorted(row["sample_id"] for row in published.rows("samples"))) == ("mon", keys_of("mon.r2")["samples"])
    assert rows_of(root, "samples", "sample_id") == keys_of("mon.r1")["samples"]
    for is_new in (True, False):
        opened = publish_staged(root, "mon.r2", "ana@host", "agreed", 7, print)
        assert (opened.is_new, opened.row["run_id"]) == (is_new, "mon.r2")
        assert {name: opened.row["opened"][name] for name in ("by", "reason", "gates")} == {
            "by": "ana@host",
            "reason": "agreed",
            "gates": ["min_records: none"],
        }
    assert [row["run_id"] for row in root.runs()] == ["mon.r1", "mon.r2"]
    assert [row["opened"] is None for row in root.runs()] == [True, False]
    assert rows_of(root, "samples", "sample_id") == keys_of("mon.r2")["samples"]
    assert not root.exists("reports", "mon", "staged", "report.html")
    assert root.read_json("reports", "mon", "manifest.json")["opened"]["by"] == "ana@host"


def test_files_that_do_not_hold_the_rows_of_the_books_are_not_published(root: OutputRoot):
    stage(root, "mon.r1", "mon", samples=3)
    with pytest.raises(Exception, match="samples: the files of batch mon have 2 rows, but the books have 3"):
        publish_staged(root, "mon.r1", "ana@host", None, 7, print)
    assert root.runs() == []


def test_a_run_that_saw_an_earlier_state_of_its_batch_is_refused(root: OutputRoot):
    stage(root, "mon.r1", "mon")
    publish_run(root, plan_for(root, "mon.r2", "mon"), 1)
    with pytest.raises(CannotOpen, match=r"^run mon\.r2 has published batch mon since"):
        publish_staged(root, "mon.r1", "ana@host", None, 7, print)
    publish_run(root, plan_rows(root, "tue.r1", "tue", tables_of("tue.r1")), 2)
    stage(root, "mon.r3", "mon")
    assert publish_staged(root, "mon.r3", "ana@host", None, 7, print).is_new


def test_runs_that_were_not_published_are_listed_with_the_last_one_first(root: OutputRoot):
    stage(root, "mon.r1", "mon", "2026-11-22T05:00:00+00:00")
    stage(root, "mon.r2", "mon", "2026-11-22T06:00:00+00:00")
    stage(root, "tue.r1", "tue", "2026-11-22T05:30:00+00:00")
    publish_run(root, plan_for(root, "wed.r1", "wed"), 1)
    names = [manifest["run_id"] for manifest in staged_runs(root, root.runs())]
    assert names == ["mon.r2", "tue.r1", "mon.r1"]
    assert [manifest["run_id"] for manifest in staged_runs(root, root.runs(), "mon")] == ["mon.r2", "mon.r1"]


@pytest.mark.parametrize(("given", "days"), [(None, 3), (5, 5)])
def test_the_retention_is_that_of_the_run_unless_another_is_given(root: OutputRoot, given: int | None, days: int):
    stage(root, "mon.r1", "mon")
    manifest = root.read_json("_runs", "mon.r1", "manifest.json") | {"settings": {"retention": {"days": 3}}}
    root.write_json(manifest, "_runs", "mon.r1", "manifest.json")
    publish_staged(root, "mon.r1", "ana@host", None, given, print)
    assert DeltaTable(root.path("samples")).metadata().configuration["delta.deletedFileRetentionDuration"] == f"interval {days} days"
