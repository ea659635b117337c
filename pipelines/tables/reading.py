"""Reads published tables without Spark, as the last row of `runs` names them. Readers see whole batches only.

from pipelines.tables.reading import open_table
rows = open_table("out/demo", "samples").to_table(filter=(ds.field("split") == "train"))
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.storage.files import open_output
from pipelines.storage.locations import absolute
from pipelines.storage.stores import ENVIRONMENT, Stores
from pipelines.tables.publication.root import SNAPSHOT_TABLES, OutputRoot
from pipelines.tables.schema import COLUMNS, INPUTS, PARTITIONS
from pipelines.training.tables import NotPublished, Published

if TYPE_CHECKING:
    import pyarrow.dataset as ds
    from pyarrow.fs import FileSystem

__all__ = ["NotPublished", "input_rows_of", "last_run", "open_files", "open_table", "published_snapshot", "run_rows", "schema_of", "table_files"]

Row = dict[str, Any]
Root = str | os.PathLike[str]


def run_rows(root: Root, stores: Stores = ENVIRONMENT) -> list[Row]:
    """The rows of table `runs`, in the order of their publication; maps as dicts. Raises NotPublished for a root of version 0.1.0."""
    return _root(root, stores).runs()


def last_run(root: Root, stores: Stores = ENVIRONMENT) -> Row | None:
    rows = run_rows(root, stores)
    return rows[-1] if rows else None


def published_snapshot(root: Root, stores: Stores = ENVIRONMENT) -> dict[str, int | list[str]]:
    """The version of every table, or its files: where the newest run has not reached it yet, or where it has batches that no run has published."""
    if not run_rows(root, stores):
        return {}
    published = _root(root, stores).published()
    found: dict[str, int | list[str]] = {}
    for table in SNAPSHOT_TABLES:
        state = published.state(table)
        found[table] = state.version if state.is_version else [published.path_of(file) for file in published.files(table)]
    return found


def table_files(root: Root, table: str, row: Row | None = None, stores: Stores = ENVIRONMENT) -> list[str]:
    """The data files of a table as this run published it, by default the newest, as absolute paths or URIs. Raises NotPublished."""
    published = _published(root, row, stores)
    return [published.path_of(file) for file in published.files(table)]


def open_table(root: Root, table: str, row: Row | None = None, stores: Stores = ENVIRONMENT) -> ds.Dataset:
    """The table in that state, with its partition columns as text. Raises NotPublished."""
    published = _published(root, row, stores)
    return open_files(published.root, table, [file.path for file in published.files(table)], published.fs)


def open_files(root: Root, table: str, files: Sequence[str], filesystem: FileSystem | None = None) -> ds.Dataset:
    import pyarrow.dataset as ds  # imports pandas, which takes half a second that a job can save

    hive = ds.partitioning(pa.schema([(name, pa.string()) for name in PARTITIONS[table]]), flavor="hive")
    if not files:
        return ds.dataset(schema_of(table).empty_table())
    # Not the columns of the first file alone: one of an older version lacks some.
    return ds.dataset(sorted(files), schema=schema_of(table), format="parquet", partitioning=hive, filesystem=filesystem)


def input_rows_of(root: OutputRoot, run_id: str) -> list[Row]:
    """The input files of a run, with what became of their records. Raises FileNotFoundError."""
    with root.filesystem().open_input_file(f"_runs/{run_id}/inputs.parquet") as source:
        rows: list[Row] = pq.read_table(source).to_pylist()
    return rows


def inputs_digest(inputs: Iterable[tuple[str, str, str]]) -> str:
    """One hash of the (source, path, sha256) of all input files, in any order."""
    return hashlib.sha256(orjson.dumps(sorted(inputs))).hexdigest()


def write_input_rows(root: OutputRoot, run_id: str, rows: Sequence[Row]) -> None:
    with open_output(f"{root.run_folder(run_id)}/inputs.parquet", root.stores) as sink:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=pa.schema(list(INPUTS))), sink)


def schema_of(table: str) -> pa.Schema:
    """The columns of a published table in a reader's order: partition columns, as text, come last."""
    partitions = PARTITIONS[table]
    return pa.schema([*(field for field in COLUMNS[table] if field.name not in partitions), *((name, pa.string()) for name in partitions)])


def _root(root: Root, stores: Stores) -> OutputRoot:
    return OutputRoot(absolute(os.fspath(root)), stores)


def _published(root: Root, row: Row | None, stores: Stores) -> Published:
    published = _root(root, stores).published()
    return published if row is None else published.as_of(row["run_id"])
