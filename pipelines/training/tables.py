"""The published tables without Spark and Delta Lake: rows as the newest run names them, so that readers see whole batches only.

published = open_root("out/demo")
for row in published.rows("samples", dialect="glm_4", split="train"): ...
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.training.delta_log import DataFile, NotPublished, files_at, is_delta

__all__ = ["NotPublished", "Published", "open_root"]

Row = dict[str, Any]
RETIRED = "_old"  # the folder of a Parquet table's replaced files, by the run that replaced them
ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class Published:
    """An output root in the state that the newest row of `runs` names. A later publication does not change what this one reads."""

    root: Path
    runs: tuple[Row, ...]  # rows of table `runs`, the oldest first; maps as dicts

    @cached_property
    def batches(self) -> tuple[str, ...]:
        """The published batches, in order."""
        return tuple(sorted({row["batch"] for row in self.runs}))

    @cached_property
    def image_roots(self) -> dict[str, str | list[str]]:
        """By source the folder of its pictures, or its list of folders, as the newest run that names the source has it."""
        roots: dict[str, str | list[str]] = {}
        for row in self.runs:
            roots |= json.loads(row.get("settings") or "{}").get("image_roots", {})
        return roots

    @cached_property
    def sources(self) -> frozenset[str]:
        """The sources that any run has read, or has named an image root for."""
        return frozenset(one["source"] for row in self.runs for one in row.get("inputs") or ()) | self.image_roots.keys()

    @cached_property
    def _files_of_versions(self) -> dict[str, list[DataFile]]:
        """By Delta table, as far as they have been asked for; a version of a table never changes."""
        return {}

    def __getstate__(self) -> Row:
        """Without what is cached."""
        return {"root": self.root, "runs": self.runs}

    def run_of(self, batch: str) -> Row:
        """The newest run of this batch. Raises NotPublished."""
        for row in reversed(self.runs):
            if row["batch"] == batch:
                return row
        raise NotPublished(f"batch {batch} is not published under {self.root}; published are {', '.join(self.batches)}")

    def settings(self, batch: str | None = None) -> Row:
        """What column `settings` of the newest run says, or of the newest run of one batch; {} where an older version published it."""
        row = self.runs[-1] if batch is None else self.run_of(batch)
        return json.loads(row.get("settings") or "{}")

    def files(self, table: str, *, dialect: str | None = None, split: str | None = None, batch: str | None = None) -> list[DataFile]:
        """The data files of a table, ordered by batch and file name. Raises NotPublished."""
        if batch is not None:
            self.run_of(batch)
        wanted = {name: value for name, value in {"dialect": dialect, "split": split, "batch": batch}.items() if value is not None}
        files = [file for file in self._table_files(table) if wanted.items() <= file.partition.items()]
        return sorted(files, key=lambda file: (file.partition.get("batch", ""), file.path.name, str(file.path)))

    def record_batches(self, table: str, *, columns: Sequence[str] | None = None, **where: str | None) -> Iterator[pa.RecordBatch]:
        """As `rows`, in Arrow and in one schema: at most 256 rows each, one row group of one file in memory at a time."""
        schema = self.table_schema(table, columns=columns, **where)
        for file in self.files(table, **where):
            with pq.ParquetFile(file.path) as parquet:
                names = [name for name in parquet.schema_arrow.names if name in schema.names and name not in file.partition]
                for group in range(parquet.num_row_groups):
                    # Where the file has no wanted column, any one tells the number of rows.
                    some = names or parquet.schema_arrow.names[:1]
                    for records in parquet.iter_batches(batch_size=ROWS_AT_ONCE, row_groups=[group], columns=some, use_threads=False):
                        yield _in_schema(records, schema, file.partition)

    def rows(
        self, table: str, *, dialect: str | None = None, split: str | None = None, batch: str | None = None, columns: Sequence[str] | None = None
    ) -> Iterator[Row]:
        """The table's rows in a fixed order (batch, file name, row), with the partition columns as text. Raises NotPublished.

        A column that a file does not have is None in its rows, also one that is asked for and that no file has: older versions published fewer.
        """
        for records in self.record_batches(table, dialect=dialect, split=split, batch=batch, columns=columns):
            yield from records.to_pylist(maps_as_pydicts="strict")

    def table(
        self, table: str, *, dialect: str | None = None, split: str | None = None, batch: str | None = None, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """The same rows as one Arrow table; it has its columns also where there are no rows."""
        where = {"dialect": dialect, "split": split, "batch": batch}
        return pa.Table.from_batches(self.record_batches(table, columns=columns, **where), schema=self.table_schema(table, columns=columns, **where))

    def table_schema(self, table: str, *, columns: Sequence[str] | None = None, **where: str | None) -> pa.Schema:
        """The schema of `table(...)` and of each of `record_batches(...)`."""
        return _schema(self.files(table, **where) or self._table_files(table), columns)

    def _table_files(self, table: str) -> list[DataFile]:
        newest = self.runs[-1]
        if table == "runs":
            return _files_of_runs(self.root)
        named = newest["versions"] if newest["versions"] is not None else newest["files"]
        if table not in named:
            raise NotPublished(f"run {newest['run_id']} published no table {table}; it has {', '.join(named)}")
        if newest["versions"] is not None:
            if table not in self._files_of_versions:
                self._files_of_versions[table] = files_at(self.root / table, named[table])
            return self._files_of_versions[table]
        return [_parquet_file(self.root, name) for name in named[table]]


def open_root(root: str | os.PathLike[str]) -> Published:
    """What is published under this root now. Raises NotPublished."""
    root = Path(root).absolute()
    runs = run_rows(root)
    if not runs:
        raise NotPublished(f"nothing is published under {root}" if root.is_dir() else f"no such folder: {root}")
    return Published(root, tuple(runs))


def run_rows(root: Path) -> list[Row]:
    """The rows of table `runs`, the oldest first; maps as dicts."""
    rows = [row for file in _files_of_runs(root) for row in pq.ParquetFile(file.path).read().to_pylist(maps_as_pydicts="strict")]
    return sorted(rows, key=lambda row: (row["finished"], row["run_id"]))


def _files_of_runs(root: Path) -> list[DataFile]:
    folder = root / "runs"
    if not is_delta(folder):
        return [DataFile(path, {}) for path in sorted(folder.glob("*.parquet"))]
    # A writer that was killed before its first commit leaves a log without commits.
    return files_at(folder) if any((folder / "_delta_log").glob("*.json")) else []


def current_path(root: Path, name: str) -> Path:
    """Where a file of a Parquet table is now: in its table's folder, or set aside by a publication that has not finished."""
    path = root / name
    return path if path.is_file() else next((root / RETIRED).glob(f"*/{name}"), path)


def _parquet_file(root: Path, name: str) -> DataFile:
    path = current_path(root, name)
    if not path.is_file():
        raise NotPublished(f"the file {name} is gone from {root}")
    pairs = [part.partition("=") for part in name.split("/")[1:-1]]
    return DataFile(path, {key: unquote(value) for key, _, value in pairs})


def _schema(files: Sequence[DataFile], columns: Sequence[str] | None) -> pa.Schema:
    """Column names and types, of the newest file where they differ: partition columns, as text, come last unless `columns` gives the order."""
    types: dict[str, pa.DataType] = {}
    partition: dict[str, pa.DataType] = {}
    for file in reversed(files):
        types = {field.name: field.type for field in pq.read_schema(file.path)} | types
        partition |= dict.fromkeys(file.partition, pa.string())
        if columns is not None and set(columns) <= types.keys() | partition.keys():
            break
    types = {name: kind for name, kind in types.items() if name not in partition} | partition
    return pa.schema([(name, types.get(name, pa.null())) for name in (types if columns is None else columns)])


def _in_schema(records: pa.RecordBatch, schema: pa.Schema, partition: Mapping[str, str]) -> pa.RecordBatch:
    """The records with these columns: from the file, from its partition, or null."""
    arrays = []
    for field in schema:
        if field.name in partition:
            arrays.append(pa.repeat(pa.scalar(partition[field.name], pa.string()), records.num_rows))
        elif field.name in records.schema.names:
            arrays.append(records.column(field.name).cast(field.type))
        else:
            arrays.append(pa.nulls(records.num_rows, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
