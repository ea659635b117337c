"""Published roots without Spark: files written by hand, and published by the code that publishes every run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.config import Config
from pipelines.storage.files import delete_folder, open_output, write_file
from pipelines.tables.publication.cleaning import Begun, note_begun
from pipelines.tables.publication.complete import complete
from pipelines.tables.publication.gate_opening import write_row
from pipelines.tables.publication.plan import Added, Plan, plan_of, write_plan
from pipelines.tables.publication.publish import publish as publish_plan
from pipelines.tables.publication.root import OutputRoot, newest_of
from pipelines.tables.publication.staged import write_staged_report
from pipelines.tables.reading import write_input_rows
from pipelines.tables.schema import COLUMNS, PARTITIONS, Row
from pipelines.tables.statistics import delta_statistics
from pipelines.tables.writing import OUTCOMES, FileSet, FileWriter, placed
from tests.making import run_lines

DAYS = 7


def publish(root: Path, config: Config, logs: Path, run_id: str, hour: int, /, batch: str = "mon", **columns: Any) -> list[str]:
    """Publishes the records of this file as run `run_id`, finished at this hour of 2026-11-22; the published files, relative to the root."""
    writer = FileWriter(str(root), run_id, OUTCOMES)
    for outcome in run_lines(config, logs):
        writer.add(*placed(outcome, batch, run_id, config.split))
    plan = plan_of(run_id, batch, FileSet(str(root), writer.close()))
    publish_run(OutputRoot(str(root)), plan, hour, **columns)
    return [f"{table}/{file.path}" for table, files in plan.tables.items() for file in files]


def stage(root: Path, config: Config, logs: Path, run_id: str, batch: str, /, **manifest: Any) -> Plan:
    """Writes what a run leaves whose gate failed: rows that no table names, and what it was going to publish."""
    writer = FileWriter(str(root), run_id, OUTCOMES)
    for outcome in run_lines(config, logs):
        writer.add(*placed(outcome, batch, run_id, config.split))
    plan, output = plan_of(run_id, batch, FileSet(str(root), writer.close())), OutputRoot(str(root))
    failed = {"status": "gate_failed", "words": ["max_quarantined: too many"], "finished": "2026-11-22T23:00:00+00:00"} | manifest
    begin_run(output, plan, **failed)
    rows = {table: sum(json.loads(file.stats)["numRecords"] for file in files) for table, files in plan.tables.items()}
    row = row_for(plan, 22, states=[("records", 3)], quarantined_share=0.5, sources=[("kit", {"files": 1, "records": 3})], settings={})
    write_row(output, row, rows)
    write_staged_report(output, batch, b"", {"run_id": run_id})
    delete_folder(output.work_folder(run_id), output.stores)
    return plan


def plan_rows(root: OutputRoot, run_id: str, batch: str, tables: Mapping[str, Sequence[Row]], schemas: Mapping[str, pa.Schema] | None = None) -> Plan:
    """The plan of a run whose rows are these, in files where they stay. The rows' own dialect and split say where they go.

    Without a schema, the columns of a file are those that its first row has, in the types of the published table.
    """
    added: dict[str, list[Added]] = {}
    for table, rows in tables.items():
        parts: dict[str, list[Row]] = {}
        for row in rows:
            values = row | {"batch": batch}
            parts.setdefault("/".join(f"{name}={values[name]}" for name in PARTITIONS[table]), []).append(row)
        for partition, part in parts.items():
            columns = [name for name in part[0] if name not in PARTITIONS[table]]
            schema = (schemas or {}).get(table) or pa.schema([COLUMNS[table].field(name) for name in columns])
            added.setdefault(table, []).append(_write_part(root, table, partition, f"{run_id}-0.parquet", part, schema))
    return Plan(run_id, batch, added)


def _write_part(root: OutputRoot, table: str, partition: str, name: str, rows: Sequence[Row], schema: pa.Schema) -> Added:
    path = f"{partition}/{name}".lstrip("/")
    footers: list[pq.FileMetaData] = []
    with open_output(root.path(table, path), root.stores) as sink:
        data = pa.Table.from_pylist([{column: row.get(column) for column in schema.names} for row in rows], schema)
        pq.write_table(data, sink, metadata_collector=footers)
        size = sink.tell()
    return Added(path, size, dict(part.split("=", 1) for part in partition.split("/") if part), delta_statistics(footers[0]))


def begin_run(root: OutputRoot, plan: Plan, **manifest: Any) -> None:
    """What a run writes before it publishes."""
    runs = root.runs()
    note_begun(root, Begun(plan.run_id, plan.batch, runs[-1]["version"] if runs else -1))
    write_file(f"{root.work_folder(plan.run_id)}/lists/0.parquet", b"", root.stores)
    write_input_rows(root, plan.run_id, [])
    write_plan(root, plan)
    write_file(f"{root.run_folder(plan.run_id)}/report.html", f"report of {plan.run_id}".encode(), root.stores)
    root.write_json({"run_id": plan.run_id, "batch": plan.batch, "status": "published"} | manifest, "_runs", plan.run_id, "manifest.json")


def row_for(plan: Plan, hour: int = 1, settings: Row | None = None, **columns: Any) -> Row:
    """The row of `runs` for this plan."""
    moment = datetime(2026, 11, 22, hour, tzinfo=UTC)
    row = dict.fromkeys(COLUMNS["runs"].names) | {"run_id": plan.run_id, "batch": plan.batch, "kind": "batch", "started": moment, "finished": moment}
    return row | {"settings": None if settings is None else json.dumps(settings)} | columns


def publish_run(root: OutputRoot, plan: Plan, hour: int = 1, settings: Row | None = None, *, completed: bool = True, **columns: Any) -> Row:
    """Publishes a plan from beginning to end, or without `completed` as a driver that was killed after the commit of `runs`; its row."""
    begin_run(root, plan)
    row = publish_plan(root, plan, row_for(plan, hour, settings, **columns), newest_of(root.runs(), plan.batch), DAYS)[-1]
    if completed:
        complete(root, root.runs(), DAYS)
    return row


def publish_rows(root: OutputRoot, run_id: str, batch: str, tables: Mapping[str, Sequence[Row]], hour: int = 1, **more: Any) -> Row:
    """Publishes these rows as one run; its row of `runs`."""
    return publish_run(root, plan_rows(root, run_id, batch, tables), hour, **more)
