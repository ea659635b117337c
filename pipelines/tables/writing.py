"""Rows -> Parquet files: one file per table and partition, in row groups of bounded size, in the folder where they stay.

A file is no part of its table until a commit names it. A file name is never used twice: a task that is tried again writes other files, and
only the files that a successful task returned are committed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.config import Split
from pipelines.records import Conversation, Noun, Outcome, Quarantined
from pipelines.storage.files import open_output
from pipelines.storage.stores import ENVIRONMENT, Stores
from pipelines.tables.schema import COLUMNS, MASKS, PARTITIONS, TABLES, Row, array_of, entries_of, getter_of, partition_of, table_of
from pipelines.tables.statistics import REFS, WITH_STATISTICS, delta_statistics, values_in

BATCH_ROWS = 256  # rows become columns in steps of this size
BATCH_BYTES = 4 << 20
GROUP_BYTES = 20 << 20  # without masks, which double it while a group is written
HELD_BYTES = 40 << 20  # by all files of a task together, whatever the number of splits and dialects
FILE_BYTES = 256 << 20
SMALL = {"compression": "zstd", "compression_level": 1}
QUICK = {"compression": "lz4"}  # for files that are read once and deleted: half the time, a third more bytes


Entries = Noun | Row  # a row, before it becomes columns
Placed = tuple[str, str, Entries, int]  # table, partition, row, size in bytes
# The columns in the files. The partition columns are in the path.
OUTCOMES = {table: pa.struct([field for field in COLUMNS[table] if field.name not in PARTITIONS[table]]) for table in TABLES}


def placed(outcome: Outcome, batch: str, run_id: str, split: Split) -> Placed:
    """The row of an outcome, and the table and partition that it belongs to."""
    partition = "/".join([f"{name}={value}" for name, value in partition_of(outcome, batch, split).items()])
    return table_of(outcome), partition, entries_of(outcome, run_id), _weight(outcome)


def _weight(outcome: Outcome) -> int:
    if isinstance(outcome, Quarantined):
        return len(outcome.raw.raw) + 1000
    if isinstance(outcome, Conversation):
        return 2 * sum([len(message.content) for message in outcome.messages]) + 1000
    # A sample keeps its conversation in memory: about as many bytes as its ids, or more where turns were dropped. Windows share it.
    return 8 * len(outcome.tokens.input_ids) + (_weight(outcome.conversation) if outcome.tokens.findings and not outcome.window else 0)


class DataFile(NamedTuple):
    """A file that was written, in `partition` (a=b/c=d, or "") of its table's folder. `refs` counts the image references of drafts."""

    table: str
    partition: str
    name: str
    rows: int
    bytes: int
    stats: str = "{}"
    refs: int = 0

    @property
    def path(self) -> str:
        """Below the folder of its table."""
        return f"{self.partition}/{self.name}".lstrip("/")

    def values(self) -> dict[str, str]:
        """The values of the partition columns."""
        return partition_values(self.partition)


def partition_values(partition: str) -> dict[str, str]:
    return dict(one.split("=", 1) for one in partition.split("/") if one)


class FileSet(NamedTuple):
    """Data files below one folder, an absolute path or a URI, each in the folder of its table."""

    folder: str
    files: list[DataFile]

    def of(self, table: str) -> list[tuple[str, DataFile]]:
        """The files of a table, with their paths."""
        return [(f"{self.folder}/{table}/{file.path}", file) for file in self.files if file.table == table]


class DataFileWriter:
    """Writes one data file, in the folder of its table below `folder`."""

    def __init__(self, folder: str, table: str, partition: str, name: str, schema: pa.Schema, stores: Stores = ENVIRONMENT):
        self._file = DataFile(table, partition, name, 0, 0)
        self._sink: BinaryIO = open_output(f"{folder}/{table}/{self._file.path}", stores)
        self._footers: list[pq.FileMetaData] = []
        self._writer = pq.ParquetWriter(
            self._sink,
            schema,
            **(QUICK if table == "drafts" else SMALL),
            use_dictionary=[name for name in REPEATED if name.partition(".")[0] in schema.names],
            write_statistics=[name for name in WITH_STATISTICS if name.partition(".")[0] in schema.names],
            metadata_collector=self._footers,
        )

    def write(self, rows: pa.Table) -> None:
        """Writes the rows as one row group."""
        self._writer.write_table(rows, row_group_size=max(len(rows), 1))

    def close(self) -> DataFile:
        self._writer.close()
        size = self._sink.tell()
        self._sink.close()
        (footer,) = self._footers
        refs = values_in(footer, REFS) if self._file.table == "drafts" else 0
        return self._file._replace(rows=footer.num_rows, bytes=size, stats=delta_statistics(footer), refs=refs)


@dataclass(slots=True)
class _Open:
    """A file that is being written. `rows` are not yet columns; `batches`, with the columns `kept`, are not yet in the file."""

    kind: pa.Schema
    kept: pa.Schema
    writer: DataFileWriter
    rows: list[Entries] = field(default_factory=list)
    weight: int = 0
    batches: list[pa.RecordBatch] = field(default_factory=list)
    pending: int = 0
    size: int = 0


class FileWriter:
    """Writes the files of one task. `kinds` are the tables' columns without partition columns; `stem` is unique to the task's attempt."""

    def __init__(self, folder: str, stem: str, kinds: Mapping[str, pa.StructType], stores: Stores = ENVIRONMENT):
        self._folder, self._stem, self._kinds, self._stores = folder, stem, kinds, stores
        self._open: dict[tuple[str, str], _Open] = {}
        self._done: list[DataFile] = []

    def add(self, table: str, partition: str, row: Entries, weight: int) -> None:
        """`weight` is the approximate size of the row in memory, in bytes."""
        key = (table, partition)
        file = self._open.get(key)
        if file is None:
            file = self._open[key] = self._start(table, partition)
        file.rows.append(row)
        file.weight += weight
        if len(file.rows) >= BATCH_ROWS or file.weight >= BATCH_BYTES:
            self._to_columns(file)
            largest = max(self._open.values(), key=lambda one: one.pending)
            if largest.pending >= GROUP_BYTES or sum(one.pending for one in self._open.values()) >= HELD_BYTES:
                self._write(largest)
            if file.size >= FILE_BYTES:
                self._finish(key)

    def close(self) -> list[DataFile]:
        for key in list(self._open):
            self._finish(key)
        return self._done

    def _start(self, table: str, partition: str) -> _Open:
        name = f"{self._stem}-{len(self._done) + len(self._open)}.parquet"
        kind = pa.schema(list(self._kinds[table]))
        writer = DataFileWriter(self._folder, table, partition, name, kind, self._stores)
        return _Open(kind, pa.schema([field for field in kind if field.name not in MASKS]), writer)

    def _to_columns(self, file: _Open) -> None:
        batch = record_batch(file.rows, file.kept)
        file.batches.append(batch)
        file.pending += batch.nbytes
        file.size += batch.nbytes
        file.rows, file.weight = [], 0

    def _write(self, file: _Open) -> None:
        if file.batches:
            file.writer.write(_with_masks(pa.Table.from_batches(file.batches), file.kind))
            file.batches, file.pending = [], 0

    def _finish(self, key: tuple[str, str]) -> None:
        file = self._open.pop(key)
        if file.rows:
            self._to_columns(file)
        self._write(file)
        self._done.append(file.writer.close())


# Columns with few distinct values, for dictionary encoding. Token ids are smaller without it, and are written in half the time.
REPEATED = (
    "origin.source",
    "origin.path",
    "format",
    "messages.list.element.role",
    "messages.list.element.metadata",
    "turn_spans.list.element.role",
    "repairs.list.element",
    "findings.list.element.code",
    "findings.list.element.stage",
    "stage",
    "reason",
    "dialect",
    "run_id",
    "unread.list.element.key",
)


def record_batch(rows: list[Entries], kind: pa.Schema) -> pa.RecordBatch:
    """These rows, all of one type, as columns."""
    columns = [list(map(getter_of(rows[0], field.name), rows)) for field in kind]
    return pa.record_batch([array_of(column, field.type) for column, field in zip(columns, kind, strict=True)], schema=kind)


def _with_masks(table: pa.Table, kind: pa.Schema) -> pa.Table:
    """The table with attention_mask and position_ids where `kind` has them. They follow from num_tokens, so rows need not hold them.

    Made per batch, and all masks share one array of ones: arrays as long as a row group would need new memory each time.
    """
    if not set(MASKS) & set(kind.names):
        return table
    batches = [chunk.to_numpy() for chunk in table["num_tokens"].chunks]
    ones = np.ones(max(int(lengths.sum()) for lengths in batches), dtype=np.int32)
    made: dict[str, list[pa.Array]] = {name: [] for name in MASKS}
    for lengths in batches:
        ends = np.cumsum(lengths, dtype=np.int32)
        offsets = pa.array(np.concatenate([[0], ends]).astype(np.int32))
        places = np.arange(ends[-1], dtype=np.int32)
        places -= np.repeat(ends - lengths, lengths)
        made["attention_mask"].append(pa.ListArray.from_arrays(offsets, pa.array(ones[: ends[-1]])))
        made["position_ids"].append(pa.ListArray.from_arrays(offsets, pa.array(places)))
    columns = [pa.chunked_array(made[name]) if name in made else table[name] for name in kind.names]
    return pa.Table.from_arrays(columns, schema=kind)
