"""The one way from Spark into the pure flow and back: Arrow batches through mapInArrow.

Spark moves rows between tasks and nothing else. Files are read and written by the workers themselves, through pipelines/storage, so a cluster
needs no connector for the store in which they are. Closures stay small: what grows with the number of files goes through a file.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import TaskContext
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from pipelines.config import Config, ConfigError
from pipelines.flow import Flow, open_flow
from pipelines.storage.files import open_output
from pipelines.storage.opening import open_file
from pipelines.storage.stores import Stores
from pipelines.tables.parquet import read_in_batches
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.schema import Row, array_of, long, struct, text
from pipelines.tables.writing import DataFile, FileSet, FileWriter

BATCH_ROWS = 256
BATCH_BYTES = 16 << 20
READ_ROWS = 4096
DRIVER_ROWS = 1 << 19  # up to which the driver compares keys itself: about 100 MB of them

MapRows = Callable[[Iterator[Row]], Iterator[Any]]  # to rows, or to the arguments of `FileWriter.add`
MapBatches = Callable[[Iterator[Row]], Iterator[pa.RecordBatch]]
MakeFilter = Callable[[Stores], Callable[[pa.RecordBatch], pa.RecordBatch] | None]
FILES = struct(table=text, partition=text, name=text, rows=long, bytes=long, stats=text, refs=long)
FILE, ORDINAL = "file", "ordinal"  # columns that a reader may ask for: the name of the file, and the number of the row in it


class Job(NamedTuple):
    """Where a run works: its session, its output root, and its id."""

    spark: SparkSession
    root: OutputRoot
    run_id: str

    @property
    def work_folder(self) -> str:
        return self.root.work_folder(self.run_id)

    @property
    def parallelism(self) -> int:
        """As many tasks as Spark makes after a shuffle."""
        return int(self.spark.conf.get("spark.sql.shuffle.partitions") or 1)

    def share(self, rows: Sequence[Row] | pa.Table, kind: pa.StructType | None = None) -> SharedRows:
        """Rows of the driver for all workers, in a file; without `kind`, their values say what types they have."""
        if not isinstance(rows, pa.Table):
            rows = pa.Table.from_pylist(list(rows), schema=pa.schema(list(kind)) if kind else None)
        path = f"{self.work_folder}/lists/{uuid4().hex}.parquet"
        with open_output(path, self.root.stores) as sink:
            pq.write_table(rows, sink)
        return SharedRows(path, self.root.stores, len(rows))


class SharedRows(NamedTuple):
    path: str
    stores: Stores
    rows: int

    def read(self, start: int = 0, end: int | None = None) -> list[Row]:
        with open_file(self.path, self.stores) as source:
            table = pq.read_table(source)
        rows: list[Row] = table.slice(start, None if end is None else end - start).to_pylist()
        return rows


class Work(NamedTuple):
    """What workers do: `make()` runs once per task and returns the function that maps the rows of `frame`."""

    frame: DataFrame
    make: Callable[[], MapRows]


def map_records(frame: DataFrame, make: Callable[[], MapRows], kind: pa.StructType) -> DataFrame:
    """The rows that the function from `make()` returns, with the columns of `kind`. `make()` runs once per task, on the worker.

    What `make` closes over is pickled: keep it small and frozen. Open tokenizers and stores inside it.
    """

    def make_batches() -> MapBatches:
        map_rows = make()
        return lambda rows: record_batches(map_rows(rows), kind)

    return map_batches(frame, make_batches, kind)


def map_batches(frame: DataFrame, make: Callable[[], MapBatches], kind: pa.StructType) -> DataFrame:
    """As `map_records`, for a function that makes record batches."""

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from make()(row for batch in batches for row in batch.to_pylist())

    return frame.mapInArrow(run, from_arrow_schema(pa.schema(list(kind))))


def distribute(job: Job, rows: Sequence[Row], tasks: int, make: Callable[[], MapRows]) -> Work:
    """The driver's rows as work for `tasks` tasks, in order."""
    tasks = max(1, min(tasks, len(rows)))
    shared = job.share(rows)

    def make_share() -> MapRows:
        map_rows = make()
        return lambda ids: map_rows(row for one in ids for row in shared.read(*_share(shared.rows, one["id"], tasks)))

    return Work(job.spark.range(0, tasks, 1, tasks), make_share)


def _share(count: int, task: int, tasks: int) -> tuple[int, int]:
    return count * task // tasks, count * (task + 1) // tasks


def write_files(job: Job, work: Work, folder: str, kinds: Mapping[str, pa.StructType]) -> FileSet:
    """The files that the workers wrote, each in the folder of its table below `folder`. Files of failed attempts are not among them."""
    make, run_id, stores = work.make, job.run_id, job.root.stores

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        task = TaskContext.get()
        stem = f"{run_id}-{task.partitionId()}-{task.taskAttemptId()}" if task else run_id
        map_rows = make()
        writer = FileWriter(folder, stem, kinds, stores)
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


def read_files(job: Job, files: FileSet, table: str, kind: pa.StructType) -> DataFrame:
    """The rows of a table in these files, with the columns of `kind`; FILE and ORDINAL may be among them."""
    rows = [{"path": path, "values": list(file.values().items())} for path, file in files.of(table)]
    return read_paths(job, rows, kind)


def read_paths(job: Job, files: Sequence[Row], kind: pa.StructType, make_filter: MakeFilter = lambda stores: None) -> DataFrame:
    """The same for files with `path`, an absolute path or a URI, and `values`, pairs of partition columns and their values.

    `make_filter` is called once per task for a function that drops rows before Spark gets them, or for None.
    """
    if not files:
        schema = pa.schema(list(kind))
        return job.spark.createDataFrame(schema.empty_table(), from_arrow_schema(schema))  # Spark Connect asks for both
    stores = job.root.stores
    tasks = max(1, min(job.parallelism, len(files)))
    shared = job.share(files)

    def make() -> MapBatches:
        keep = make_filter(stores)
        return lambda ids: (
            keep(batch) if keep else batch
            for one in ids
            for file in shared.read(*_share(shared.rows, one["id"], tasks))
            for batch in file_batches(file["path"], dict(file["values"]), kind, stores)
        )

    return map_batches(job.spark.range(0, tasks, 1, tasks), make, kind)


def file_batches(path: str, values: Mapping[str, str], kind: pa.StructType, stores: Stores) -> Iterator[pa.RecordBatch]:
    """The rows of one file in these columns. A column that it lacks, because an older version wrote it, is null."""
    schema = pa.schema(list(kind))
    ordinal = 0
    with open_file(path, stores) as source, pq.ParquetFile(source) as file:
        present = {field.name for field in file.schema_arrow}
        wanted = [path for field in schema if field.name in present and field.name not in values for path in _leaves(field.name, field.type)]
        for batch in read_in_batches(file, READ_ROWS if _is_small(kind) else BATCH_ROWS, wanted or file.schema_arrow.names[:1]):
            given = {FILE: path.rpartition("/")[2], **values}
            columns = [
                pa.array(range(ordinal, ordinal + len(batch)), pa.int64())
                if field.name == ORDINAL
                else pa.repeat(pa.scalar(given[field.name], field.type), len(batch))
                if field.name in given
                else batch[field.name].cast(field.type)
                if field.name in present
                else pa.nulls(len(batch), field.type)
                for field in schema
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
            ordinal += len(batch)


def _leaves(path: str, kind: pa.DataType) -> list[str]:
    """The Parquet paths of the columns below a field, so that only the wanted parts of a struct are read."""
    if pa.types.is_struct(kind):
        return [leaf for field in kind for leaf in _leaves(f"{path}.{field.name}", field.type)]
    return _leaves(f"{path}.list.element", kind.value_type) if pa.types.is_list(kind) else [path]


def _is_small(kind: pa.StructType) -> bool:
    """Whether rows with these columns are short: no bytes of records, no messages or token ids."""
    return not {"raw", "draft", "messages", "input_ids"} & {field.name for field in kind}


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
    flow = open_flow(config_of(settings), compare=False)
    faults = [
        f"dialect {dialect.name}: {dialect.vocabulary.path} is not the tokenizer that the driver opened: the sha256 is {dialect.fingerprint} instead of {known}"
        for dialect, (_, known) in zip(flow.dialects, fingerprints, strict=True)
        if dialect.fingerprint != known
    ]
    if faults:
        raise ConfigError(faults)
    return flow
