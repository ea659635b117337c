"""Runs for tests of publication: small plans, kills at a point, and what readers see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from pipelines.storage.files import names_in, read_file
from pipelines.tables.publication.plan import Plan
from pipelines.tables.publication.root import SNAPSHOT_TABLES, OutputRoot
from pipelines.tables.schema import PARTITIONS, Row
from tests.published import plan_rows

KEYS = {"conversations": "sample_id", "samples": "sample_id", "quarantine": "record_id", "images": "uri"}


on_disk_and_in_a_store = pytest.mark.parametrize("root", ["disk", "s3"], indirect=True)


class Killed(BaseException):
    """The driver has died."""


def at(points: dict[str, Callable[[], Any]]) -> Callable[[str], None]:
    """For `on_point`: calls each of these once, when its point is reached first."""
    left = dict(points)

    def on_point(point: str) -> None:
        if point in left:
            left.pop(point)()

    return on_point


def kill() -> None:
    raise Killed


def tables_of(run_id: str) -> dict[str, list[Row]]:
    """Rows for every table, whose keys begin with the run's id."""
    place = {"dialect": "glm_4"}
    return {
        "conversations": [{"sample_id": f"{run_id}-c", "split": "train"}],
        "samples": [{"sample_id": f"{run_id}-{split}", "split": split, **place} for split in ("train", "val")],
        "quarantine": [{"record_id": f"{run_id}-q", "reason": "schema.turns_empty"}],
        "images": [{"uri": f"{run_id}.png", "size": 3}],
    }


def plan_for(root: OutputRoot, run_id: str, batch: str) -> Plan:
    return plan_rows(root, run_id, batch, tables_of(run_id))


def keys_of(run_id: str) -> dict[str, list[str]]:
    return {table: sorted(row[KEYS[table]] for row in rows) for table, rows in tables_of(run_id).items()}


def seen(root: OutputRoot, table: str, batch: str | None = None, run_id: str | None = None) -> list[str]:
    """The keys that a reader sees in this table, now or as of a run."""
    published = root.published() if run_id is None else root.published().as_of(run_id)
    return sorted(row[KEYS[table]] for row in published.rows(table, batch=batch))


def in_delta(root: OutputRoot, table: str) -> list[str]:
    """The keys that any reader of Delta sees in this table."""
    return sorted(delta(root, table).to_pyarrow_table(columns=[KEYS[table]])[KEYS[table]].to_pylist())


def delta(root: OutputRoot, table: str) -> DeltaTable:
    return DeltaTable(root.path(table), storage_options=root.table_options())


def append_foreign(root: OutputRoot, table: str, key: str, batch: str) -> None:
    """A row that somebody else adds."""
    values = {KEYS[table]: key, "dialect": "glm_4", "split": "train", "batch": batch}
    names = [KEYS[table], *PARTITIONS[table]]
    rows = pa.table({name: pa.array([values[name]], pa.string()) for name in names})
    write_deltalake(root.path(table), rows, mode="append", schema_mode="merge", partition_by=PARTITIONS[table] or None, storage_options=root.table_options())


def transactions(root: OutputRoot, table: str) -> list[int]:
    """The versions of `runs` that the commits of this table take over, in order."""
    log = root.path(table, "_delta_log")
    commits = [read_file(f"{log}/{name}", root.stores) for name in names_in(log, root.stores) if name.endswith(".json")]
    actions = [orjson.loads(line) for commit in commits for line in commit.splitlines()]
    return [action["txn"]["version"] for action in actions if "txn" in action]


def everything(root: OutputRoot) -> dict[str, list[str]]:
    return {table: seen(root, table) for table in SNAPSHOT_TABLES}
