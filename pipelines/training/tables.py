"""The published tables without Spark and Delta Lake: rows as the newest run names them, so that readers see whole batches only.

published = open_root("out/demo")
for row in published.rows("samples", dialect="glm_4", split="train"): ...
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.training.delta_log import DataFile, NotPublished, TableState, table_state

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

__all__ = ["NotPublished", "Published", "open_root"]

Row = dict[str, Any]
ROWS_AT_ONCE = 256
# Where a table has a change data feed, Spark writes these columns, which are not the table's, into the files that DELETE, UPDATE and MERGE write anew.
_NOT_IN_TABLE = {"_change_type", "__is_cdc"}
BATCH_TABLES = ("conversations", "samples", "quarantine")
SPLITS = ("train", "val", "test")
OLD = "the root {root} was written by version 0.1.0; bring it over once with: episodes repair {root}"


@dataclass(frozen=True)
class Published:
    """An output root as of one version of table `runs`. A later publication does not change what this one reads.

    `filesystem` is rooted at `root`. None: the one that pyarrow finds for the root.
    """

    root: str  # an absolute path or a URI
    runs: tuple[Row, ...]  # rows of table `runs`, in the order of their publication; maps as dicts
    filesystem: FileSystem | None = None

    @cached_property
    def fs(self) -> FileSystem:
        return self.filesystem or filesystem_of(self.root)

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
        return frozenset(source for row in self.runs for source in row["sources"] or ()) | self.image_roots.keys()

    @cached_property
    def _states(self) -> dict[str, TableState]:
        """By table, as far as they have been asked for."""
        return {}

    def __getstate__(self) -> Row:
        """Without what is cached, and without a file system, which another process opens anew."""
        return {"root": self.root, "runs": self.runs, "filesystem": None}

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
        return sorted(files, key=lambda file: (file.partition.get("batch", ""), file.path.rpartition("/")[2], file.path))

    def path_of(self, file: DataFile) -> str:
        """The absolute path or the URI of a data file."""
        return f"{self.root}/{file.path}"

    def record_batches(self, table: str, *, columns: Sequence[str] | None = None, **where: str | None) -> Iterator[pa.RecordBatch]:
        """As `rows`, in Arrow and in one schema: at most 256 rows each, one row group of one file in memory at a time."""
        schema = self.table_schema(table, columns=columns, **where)
        for file in self.files(table, **where):
            with self.fs.open_input_file(file.path) as source, pq.ParquetFile(source) as parquet:
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
        return _schema(self.fs, self.files(table, **where) or self._table_files(table), columns)

    def as_of(self, run_id: str) -> Published:
        """The root as it was published by this run. Reading it raises NotPublished or FileNotFoundError where retention has deleted it."""
        upto = next(index for index, row in enumerate(self.runs) if row["run_id"] == run_id)
        return Published(self.root, self.runs[: upto + 1], self.filesystem)

    def state(self, table: str) -> TableState:
        """The table as of the newest run: as its log has it, and where that run has not reached the log yet, with the changes of its plan."""
        if table not in self._states:
            newest = self.runs[-1]["version"]
            state = table_state(self.fs, table, newest)
            for row in self.runs:
                if row["version"] > state.in_log:
                    _add_plan(self.fs, state, table, row)
            if table in BATCH_TABLES:  # without batches that no row of `runs` names: somebody has deleted the row, or added the rows
                batches = set(self.batches)
                files = {name: file for name, file in state.files.items() if file.partition.get("batch") in batches}
                state.is_version = state.is_version and len(files) == len(state.files)
                state.files = files
            self._states[table] = state
        return self._states[table]

    def _table_files(self, table: str) -> list[DataFile]:
        if table == "runs":
            return list(table_state(self.fs, "runs").files.values())
        return list(self.state(table).files.values())


def open_root(root: str | os.PathLike[str], filesystem: FileSystem | None = None) -> Published:
    """What is published under this root now: a local folder, or a URI that pyarrow can open, with credentials from the environment.

    Raises NotPublished.
    """
    name = os.fspath(root)
    name = name.rstrip("/") if "://" in name else os.path.abspath(name)
    published = Published(name, (), filesystem)
    runs = run_rows(published.fs, name)
    if not runs:
        raise NotPublished(f"nothing is published under {name}" if "://" in name or os.path.isdir(name) else f"no such folder: {name}")
    return Published(name, tuple(runs), published.fs)


def filesystem_of(root: str) -> FileSystem:
    """A file system whose paths are relative to the root."""
    from pyarrow.fs import FileSystem, LocalFileSystem, SubTreeFileSystem  # some builds of Arrow have no object stores

    if "://" not in root:
        return SubTreeFileSystem(root, LocalFileSystem())
    try:
        system, path = FileSystem.from_uri(root)
    except (OSError, pa.ArrowException, ValueError) as error:
        raise NotPublished(f"{root} cannot be opened: {why_not(error)}") from None
    return SubTreeFileSystem(path, system)


def why_not(error: Exception) -> str:
    """What pyarrow says of a store that it cannot open, in one line. Where it lacks the libraries for HDFS, it names every place that it has tried."""
    line = str(error).partition("\n")[0]
    return f"{line}; pyarrow reads HDFS with Hadoop's libhdfs, which needs JAVA_HOME, HADOOP_HOME and CLASSPATH" if "Unable to load lib" in line else line


def run_rows(fs: FileSystem, root: str, columns: Sequence[str] | None = None, known: dict[str, list[Row]] | None = None) -> list[Row]:
    """The rows of table `runs`, in the order of their publication; maps as dicts, times in UTC. Raises NotPublished for a root of version 0.1.0.

    `known` keeps the rows of each file, by its path, for calls with the same columns: files of a Delta table never change.
    """
    rows: list[Row] = []
    files = table_state(fs, "runs").files.values()
    if not files and _is_old_parquet(fs):
        raise NotPublished(OLD.format(root=root))
    known = {} if known is None else known
    for file in files:
        if file.path not in known:
            known[file.path] = _run_rows_of(fs, file.path, columns)
        rows += known[file.path]
    if any(row.get("version") is None for row in rows):
        raise NotPublished(OLD.format(root=root))
    return sorted(rows, key=lambda row: row["version"])


def _run_rows_of(fs: FileSystem, path: str, columns: Sequence[str] | None) -> list[Row]:
    with fs.open_input_file(path) as source, pq.ParquetFile(source) as parquet:
        names = None if columns is None else [name for name in columns if name in parquet.schema_arrow.names]
        rows: list[Row] = parquet.read(columns=names, use_threads=False).to_pylist(maps_as_pydicts="strict")
    for row in rows:
        row |= {name: row[name].replace(tzinfo=UTC) for name in ("started", "finished") if row.get(name) is not None}
    return rows


def _is_old_parquet(fs: FileSystem) -> bool:
    """Whether there is a table `runs` of plain Parquet files. One with `version` is of a first run that has not committed it, or was killed."""
    from pyarrow.fs import FileSelector

    infos = fs.get_file_info(FileSelector("runs", allow_not_found=True))
    paths = [info.path for info in infos if info.path.endswith(".parquet")]
    return not any(info.path.endswith("/_delta_log") for info in infos) and any(
        "run_id" in names and "version" not in names for names in _columns_of(fs, paths)
    )


def _columns_of(fs: FileSystem, paths: Sequence[str]) -> Iterator[list[str]]:
    """The columns of each file; none of one that was not finished."""
    for path in paths:
        with suppress(pa.ArrowInvalid, FileNotFoundError), fs.open_input_file(path) as source:
            yield pq.read_schema(source).names


def _add_plan(fs: FileSystem, state: TableState, table: str, row: Row) -> None:
    """Changes the state as the log of the table will change it when somebody completes this run."""
    with fs.open_input_stream(f"_runs/{row['run_id']}/plan.json") as stream:
        plan = json.loads(stream.read())
    if table in BATCH_TABLES:
        state.files = {name: file for name, file in state.files.items() if file.partition.get("batch") != row["batch"]}
    for added in plan["tables"].get(table, ()):
        state.files[added["path"]] = DataFile(f"{table}/{added['path']}", dict(added["values"]))
    state.is_version = False


def _schema(fs: FileSystem, files: Sequence[DataFile], columns: Sequence[str] | None) -> pa.Schema:
    """Column names and types, of the newest file where they differ: partition columns, as text, come last unless `columns` gives the order."""
    types: dict[str, pa.DataType] = {}
    partition: dict[str, pa.DataType] = {}
    for file in reversed(files):
        with fs.open_input_file(file.path) as source:
            types = {field.name: field.type for field in pq.read_schema(source) if field.name not in _NOT_IN_TABLE} | types
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
