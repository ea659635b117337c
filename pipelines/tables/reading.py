"""Reads published tables without Spark, as the last row of `runs` names them. Readers see whole batches only.

from pipelines.tables.reading import open_table
rows = open_table("out/demo", "samples").to_table(filter=(ds.field("split") == "train"))
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from pipelines.tables.schema import COLUMNS, PARTITIONS
from pipelines.training import tables as training
from pipelines.training.delta_log import files_at
from pipelines.training.tables import RETIRED, NotPublished

if TYPE_CHECKING:
    import pyarrow.dataset as ds

__all__ = ["RETIRED", "NotPublished", "count_rows", "current_path", "files_of_version", "has_commits", "last_run", "newest_commit", "open_files"]
__all__ += ["open_table", "published_snapshot", "run_rows", "schema_of", "table_files"]

Row = dict[str, Any]


def run_rows(root: str | Path) -> list[Row]:
    """The rows of table `runs`, the oldest first; maps as dicts."""
    rows = training.run_rows(Path(root))
    for row in rows:
        row |= {name: row[name].replace(tzinfo=UTC) for name in ("started", "finished")}
        # Rows that version 0.1.0 wrote lack these.
        row |= {"kind": row.get("kind") or "batch", "quarantined_share": row.get("quarantined_share") or 0.0}
    return rows


def last_run(root: str | Path) -> Row | None:
    rows = run_rows(root)
    return rows[-1] if rows else None


def has_commits(folder: Path) -> bool:
    """Whether the Delta table exists. A writer that was killed before its first commit leaves a log without commits."""
    return any((folder / "_delta_log").glob("*.json"))


def newest_commit(folder: Path) -> tuple[int, dict[str, Any]]:
    """(newest version of a Delta table, the info of its commit); (-1, {}) where there is no table yet."""
    if not has_commits(folder):
        return -1, {}
    table = DeltaTable(str(folder))
    (info,) = table.history(1)
    return table.version(), info


def files_of_version(folder: Path, version: int, batch: str | None = None) -> list[str]:
    """The data files of this version of a Delta table, or those of one batch. Raises NotPublished."""
    return [str(file.path) for file in files_at(folder.absolute(), version) if batch is None or file.partition["batch"] == batch]


def published_snapshot(root: str | Path) -> dict[str, int] | dict[str, list[str]]:
    """The snapshot that the last row of `runs` names; files as absolute paths to where they are now."""
    last = last_run(root)
    if last is None:
        return {}
    if last["versions"] is not None:
        return dict(last["versions"])
    return {table: [current_path(root, name) for name in names] for table, names in last["files"].items()}


def table_files(root: str | Path, table: str, row: Row | None = None) -> list[str]:
    """The data files of a table in the state that this row of `runs` names, by default the last row. Raises NotPublished."""
    row = row or last_run(root)
    if row is None:
        raise NotPublished(f"nothing was published under {root}")
    named = row["versions"] if row["versions"] is not None else row["files"]
    if table not in named:
        raise NotPublished(f"run {row['run_id']} published no table {table}; it has {', '.join(named)}")
    if row["versions"] is not None:
        return files_of_version(Path(root) / table, named[table])
    return [current_path(root, name) for name in named[table]]


def open_table(root: str | Path, table: str, row: Row | None = None) -> ds.Dataset:
    """The table in that state, with its partition columns as text. Raises NotPublished."""
    return open_files(root, table, table_files(root, table, row))


def open_files(root: str | Path, table: str, files: Sequence[str]) -> ds.Dataset:
    import pyarrow.dataset as ds  # imports pandas, which takes half a second that a job can save

    hive = ds.partitioning(pa.schema([(name, pa.string()) for name in PARTITIONS[table]]), flavor="hive")
    if not files:
        return ds.dataset(schema_of(table).empty_table())
    # Not the columns of the first file alone: one of an older version lacks some.
    return ds.dataset(sorted(files), schema=schema_of(table), format="parquet", partitioning=hive)


def schema_of(table: str) -> pa.Schema:
    """The columns of a published table in a reader's order: partition columns, as text, come last."""
    partitions = PARTITIONS[table]
    return pa.schema([*(field for field in COLUMNS[table] if field.name not in partitions), *((name, pa.string()) for name in partitions)])


def current_path(root: str | Path, name: str) -> str:
    """Where a file of a Parquet table is now, as an absolute path."""
    return str(training.current_path(Path(root).absolute(), name))


def count_rows(files: Sequence[str]) -> int:
    """The number of rows in these Parquet files, from their footers."""
    return sum(pq.ParquetFile(file).metadata.num_rows for file in files)
