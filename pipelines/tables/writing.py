"""Rows -> Parquet files, by whoever made the rows: one file per table and partition, in row groups of bounded size.

A file's name is never used twice, so a task that is tried again writes other files, and only those that somebody was told of count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.config import Split
from pipelines.records import Conversation, Noun, Outcome, Quarantined
from pipelines.tables.schema import COLUMNS, MASKS, PARTITIONS, TABLES, Row, array_of, entries_of, getter_of, partition_of, table_of

BATCH_ROWS = 256  # rows are made columns of in such steps
BATCH_BYTES = 4 << 20
GROUP_BYTES = 20 << 20  # without masks, which take as much again while a group is written
HELD_BYTES = 40 << 20  # of all files of a task together, however many splits and dialects there are
FILE_BYTES = 256 << 20
SMALL = {"compression": "zstd", "compression_level": 1}
QUICK = {"compression": "lz4"}  # of what is read again once and thrown away: half the time, and a third more bytes


Entries = Noun | Row  # a row as its columns are made of it
Placed = tuple[str, str, Entries, int]  # table, partition, row, bytes that it takes
# The columns of the files: those of the partition stand in the path.
OUTCOMES = {table: pa.struct([field for field in COLUMNS[table] if field.name not in PARTITIONS[table]]) for table in TABLES}


def placed(outcome: Outcome, batch: str, run_id: str, split: Split) -> Placed:
    """The row of an outcome, and where it belongs."""
    partition = "/".join([f"{name}={value}" for name, value in partition_of(outcome, batch, split).items()])
    return table_of(outcome), partition, entries_of(outcome, run_id), _weight(outcome)


def _weight(outcome: Outcome) -> int:
    if isinstance(outcome, Quarantined):
        return len(outcome.raw.raw) + 1000
    if isinstance(outcome, Conversation):
        return 2 * sum([len(message.content) for message in outcome.messages]) + 1000
    # Its conversation waits with it: about as much as its ids where nothing was left out.
    return 8 * len(outcome.tokens.input_ids) + (_weight(outcome.conversation) if outcome.tokens.findings else 0)


class DataFile(NamedTuple):
    """A file that was written: below `folder`, at `partition` (a=b/c=d, or "") and `name`."""

    table: str
    partition: str
    name: str
    rows: int
    bytes: int

    def values(self) -> dict[str, str]:
        """The values of the partition's columns."""
        return partition_values(self.partition)


def partition_values(partition: str) -> dict[str, str]:
    return dict(one.split("=", 1) for one in partition.split("/") if one)


def files_below(folder: Path, table: str) -> list[DataFile]:
    """The parts of a table that stand below a folder of its own, whoever wrote them; those without rows are none."""
    found = []
    for path in sorted(folder.rglob("*.parquet")):
        rows = pq.ParquetFile(path).metadata.num_rows
        partition = path.parent.relative_to(folder).as_posix()
        found += [DataFile(table, "" if partition == "." else partition, path.name, rows, path.stat().st_size)] if rows else []
    return found


class FileSet(NamedTuple):
    """FileWriter below one folder."""

    folder: Path
    parts: list[DataFile]

    def of(self, table: str) -> list[tuple[Path, DataFile]]:
        """Where each part of a table stands."""
        return [(self.folder / f"table={table}" / part.partition / part.name, part) for part in self.parts if part.table == table]


@dataclass(slots=True)
class _Open:
    """A file in the making; `rows` are not columns yet, and `batches`, of the columns `kept`, are not in the file yet."""

    name: str
    kind: pa.Schema
    kept: pa.Schema
    writer: pq.ParquetWriter
    rows: list[Entries] = field(default_factory=list)
    weight: int = 0
    batches: list[pa.RecordBatch] = field(default_factory=list)
    written: int = 0
    pending: int = 0
    size: int = 0


class FileWriter:
    """The files of one task. `kinds` are the tables' columns without those of the partition; `stem` is unique to the task's attempt."""

    def __init__(self, folder: Path, stem: str, kinds: Mapping[str, pa.StructType]):
        self._folder, self._stem, self._kinds = folder, stem, kinds
        self._open: dict[tuple[str, str], _Open] = {}
        self._done: list[DataFile] = []

    def add(self, table: str, partition: str, row: Entries, weight: int) -> None:
        """`weight` is about how many bytes the row takes in memory."""
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
        path = self._path(table, partition, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return _Open(
            name,
            kind,
            pa.schema([field for field in kind if field.name not in MASKS]),
            pq.ParquetWriter(
                path,
                kind,
                **(QUICK if table == "drafts" else SMALL),
                use_dictionary=[name for name in REPEATED if name.partition(".")[0] in kind.names],
                write_statistics=False,
            ),
        )

    def _path(self, table: str, partition: str, name: str) -> Path:
        return self._folder / f"table={table}" / partition / name

    def _to_columns(self, file: _Open) -> None:
        batch = record_batch(file.rows, file.kept)
        file.batches.append(batch)
        file.pending += batch.nbytes
        file.size += batch.nbytes
        file.written += len(file.rows)
        file.rows, file.weight = [], 0

    def _write(self, file: _Open) -> None:
        if file.batches:
            table = _with_masks(pa.Table.from_batches(file.batches), file.kind)
            file.writer.write_table(table, row_group_size=len(table))
            del table
            file.batches, file.pending = [], 0

    def _finish(self, key: tuple[str, str]) -> None:
        file = self._open.pop(key)
        if file.rows:
            self._to_columns(file)
        self._write(file)
        file.writer.close()
        size = self._path(*key, file.name).stat().st_size
        self._done.append(DataFile(*key, file.name, file.written, size))


# Columns with few values. Token ids have many: without a dictionary they are smaller, and written in half the time.
REPEATED = (
    "origin.source",
    "origin.path",
    "format",
    "messages.list.element.role",
    "messages.list.element.metadata",
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
    """These rows, which are of one sort, as columns."""
    columns = [list(map(getter_of(rows[0], field.name), rows)) for field in kind]
    return pa.record_batch([array_of(column, field.type) for column, field in zip(columns, kind, strict=True)], schema=kind)


def _with_masks(table: pa.Table, kind: pa.Schema) -> pa.Table:
    """With attention_mask and position_ids where `kind` has them: they follow from num_tokens, so no row need hold them until it is written.

    Batch by batch, and one run of ones is every batch's mask: arrays as long as a row group would be asked of the system anew for each.
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
