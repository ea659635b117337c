"""The one way from Spark into the pure flow and back: Arrow batches through mapInArrow."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import TaskContext
from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from pipelines.config import Config, ConfigError
from pipelines.flow import Flow, open_flow
from pipelines.tables.schema import Row, array_of, long, struct, text
from pipelines.tables.writing import DataFile, FileSet, FileWriter

BATCH_ROWS = 256
BATCH_BYTES = 16 << 20
DRIVER_ROWS = 1 << 19  # up to which the driver compares keys itself: about 100 MB of them

MapRows = Callable[[Iterator[Row]], Iterator[Any]]  # to rows, or to the arguments of `FileWriter.add`
FILES = struct(table=text, partition=text, name=text, rows=long, bytes=long)


class Work(NamedTuple):
    """What workers do: `make()` runs once per task and returns the function that maps the rows of `frame`."""

    frame: DataFrame
    make: Callable[[], MapRows]


def map_records(frame: DataFrame, make: Callable[[], MapRows], kind: pa.StructType) -> DataFrame:
    """The rows that the function from `make()` returns, with the columns of `kind`. `make()` runs once per task, on the worker.

    What `make` closes over is pickled: keep it small and frozen. Open tokenizers and stores inside it.
    """

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        map_rows = make()
        rows = (row for batch in batches for row in batch.to_pylist())
        yield from record_batches(map_rows(rows), kind)

    return frame.mapInArrow(run, from_arrow_schema(pa.schema(list(kind))))


def distribute(spark: SparkSession, rows: Sequence[Row], tasks: int, make: Callable[[], MapRows]) -> Work:
    """The driver's rows as work for `tasks` tasks, in order. The rows travel with the code, so Spark plans and shuffles nothing."""
    tasks = max(1, min(tasks, len(rows)))
    shares = [rows[len(rows) * task // tasks : len(rows) * (task + 1) // tasks] for task in range(tasks)]

    def make_share() -> MapRows:
        map_rows = make()
        return lambda ids: map_rows(row for one in ids for row in shares[one["id"]])

    return Work(spark.range(0, tasks, 1, tasks), make_share)


def write_files(work: Work, folder: Path, run_id: str, kinds: Mapping[str, pa.StructType]) -> FileSet:
    """The files that the workers wrote below `folder`. Files of failed attempts are not among them."""
    make = work.make

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        task = TaskContext.get()
        stem = f"{run_id}-{task.partitionId()}-{task.taskAttemptId()}" if task else run_id
        map_rows = make()
        writer = FileWriter(folder, stem, kinds)
        for placed in map_rows(row for batch in batches for row in batch.to_pylist()):
            writer.add(*placed)
        _freeze_caches()
        yield pa.RecordBatch.from_pylist([file._asdict() for file in writer.close()], schema=pa.schema(list(FILES)))

    found = work.frame.mapInArrow(run, from_arrow_schema(pa.schema(list(FILES)))).collect()
    return FileSet(folder, sorted(DataFile(*row) for row in found))


@cache
def _freeze_caches() -> None:
    """Exempts what this process has in its caches by now from garbage collection, because Spark collects everything after each task."""
    gc.freeze()


def read_files(spark: SparkSession, files: FileSet, table: str, kind: pa.StructType) -> DataFrame:
    """The rows of a table in these files, with the columns of `kind`."""
    paths = [path for path, _ in (files if files.of(table) else empty_files(files.folder, table, kind)).of(table)]
    return reader_of(spark, kind).option("basePath", str(files.folder / f"table={table}")).parquet(*map(str, paths))


def reader_of(spark: SparkSession, kind: pa.StructType) -> DataFrameReader:
    """A reader with this schema that takes paths literally: Spark would read the folder runs[1] as a pattern."""
    return spark.read.option("__globPaths__", "false").schema(from_arrow_schema(pa.schema(list(kind))))


def empty_files(folder: Path, table: str, kind: pa.StructType) -> FileSet:
    """One file without rows, named as a task would name it, so that empty tables are read like any other."""
    files = FileSet(folder, [DataFile(table, "", "none-0-0-0.parquet", 0, 0)])
    for path, _ in files.of(table):
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.schema(list(kind)).empty_table(), path)
    return files


def record_batches(rows: Iterable[Row], kind: pa.StructType) -> Iterator[pa.RecordBatch]:
    """Record batches with a bounded number of rows and of bytes."""
    pending: list[Row | None] = []
    size = 0
    for row in rows:
        pending.append(row)
        size += sum(map(_bytes_in, row.values()))
        if len(pending) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield _record_batch(pending, kind)
            pending, size = [], 0
    if pending:
        yield _record_batch(pending, kind)


def _record_batch(rows: list[Row | None], kind: pa.StructType) -> pa.RecordBatch:
    return pa.RecordBatch.from_struct_array(array_of(rows, kind))


def _bytes_in(value: Any) -> int:
    """About the size of a value: raw bytes and drafts dominate."""
    if isinstance(value, (bytes, str)):
        return len(value)
    return sum(map(_bytes_in, value.values())) if isinstance(value, dict) else 64


@cache
def config_of(settings: str) -> Config:
    """The configuration from its JSON text. Closures carry the text instead of the object."""
    return Config.model_validate_json(settings)


def flow_opener(flow: Flow) -> Callable[[], Flow]:
    """For a closure: opens the same flow on a worker, once per process, since loading a tokenizer costs more than a task.

    It raises ConfigError where the worker finds another tokenizer than the driver.
    """
    return partial(_open_again, flow.config.model_dump_json(), tuple((dialect.name, dialect.fingerprint) for dialect in flow.dialects))


@cache
def _open_again(settings: str, fingerprints: tuple[tuple[str, str], ...]) -> Flow:
    flow = open_flow(config_of(settings))
    faults = [
        f"dialect {dialect.name}: {dialect.vocabulary.path} is not the tokenizer that the driver opened: the sha256 is {dialect.fingerprint} instead of {known}"
        for dialect, (_, known) in zip(flow.dialects, fingerprints, strict=True)
        if dialect.fingerprint != known
    ]
    if faults:
        raise ConfigError(faults)
    return flow
