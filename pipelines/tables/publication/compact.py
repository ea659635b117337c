"""Merges small files, so that tables of many nights stay quick to open. The rows stay the same, and so does their order in a partition.

runs                  one file per run                  all are merged once there are MOST_FILES
images                one or a few files per night      small ones are merged, ordered by uri, once there are MOST_FILES
the batch's tables    a few files per partition         merged in the night after, one batch a night
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.storage.opening import open_file
from pipelines.storage.stores import Stores
from pipelines.tables.parquet import read_in_batches
from pipelines.tables.publication.complete import keep_names
from pipelines.tables.publication.delta import Outdated, applied_to, commit, files_in, open_delta
from pipelines.tables.publication.plan import Added
from pipelines.tables.publication.root import BATCH_TABLES, OutputRoot
from pipelines.tables.schema import COLUMNS, PARTITIONS, Row
from pipelines.tables.writing import GROUP_BYTES, DataFile, DataFileWriter

SMALL_BYTES = 32 << 20
MOST_FILES = 32  # of runs and images
IMAGES_A_GROUP = 1 << 16
READ_ROWS = 1024


class Merge(NamedTuple):
    """Small files of one partition, which become one file."""

    table: str
    partition: str
    files: list[Added]


def merges_of(root: OutputRoot, runs: Sequence[Row], batch: str) -> list[Merge]:
    """What to merge after the publication of this batch: `runs`, `images`, and the newest other batch that has small files."""
    merges = [Merge(table, "", files) for table in ("runs", "images") if len(files := _small(files_in(open_delta(root, table)))) >= MOST_FILES]
    others = list(dict.fromkeys(row["batch"] for row in reversed(runs) if row["batch"] != batch))[:1]
    for table in BATCH_TABLES:
        found = open_delta(root, table)
        for other in others:
            files = sorted(_small(files_in(found, other)), key=_partition)
            parts = [(partition, sorted(group)) for partition, group in groupby(files, key=_partition)]
            merges += [Merge(table, partition, group) for partition, group in parts if len(group) > 1]
    return merges


def merge(root_uri: str, stores: Stores, one: Merge, stem: str) -> DataFile:
    """Writes the merged file, which is no part of the table yet."""
    schema = pa.schema([field for field in COLUMNS[one.table] if field.name not in PARTITIONS[one.table]])
    writer = DataFileWriter(root_uri, one.table, one.partition, f"{stem}.parquet", schema, stores)
    batches = _batches(root_uri, stores, one, schema)
    if one.table == "images":
        batches = iter(pa.Table.from_batches(list(batches), schema=schema).sort_by("uri").to_batches(max_chunksize=IMAGES_A_GROUP))
    for rows in _groups(batches):
        writer.write(rows)
    return writer.close()


def commit_merges(root: OutputRoot, merged: Iterable[tuple[Merge, Added]], run_id: str, days: int) -> list[str]:
    """Commits what was merged, one commit for each table; returns the tables. Where somebody else has committed to the table, it is left for another night."""
    committed: list[str] = []
    by_table: dict[str, list[tuple[Merge, Added]]] = {}
    for one, added in merged:
        by_table.setdefault(one.table, []).append((one, added))
    for table, pairs in by_table.items():
        found = open_delta(root, table)
        live = {file.path for file in files_in(found)}
        removed = [file for one, _ in pairs for file in one.files]
        if found is None or not {file.path for file in removed} <= live:
            continue
        keep_names(root, f"{run_id}-merged", table, [file.path for file in removed])
        applied = applied_to(found)
        try:
            commit(
                root, table, found, [added for _, added in pairs], removed, run_id=run_id, applied=None if applied < 0 else applied, days=days, same_rows=True
            )
        except Outdated:
            continue
        committed.append(table)
        root.on_point(f"{table}: merged")
    return committed


def _small(files: Sequence[Added]) -> list[Added]:
    return [file for file in files if file.size < SMALL_BYTES]


def _partition(file: Added) -> str:
    return file.path.rpartition("/")[0]


def _batches(root_uri: str, stores: Stores, one: Merge, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for added in one.files:
        with open_file(f"{root_uri}/{one.table}/{added.path}", stores) as source, pq.ParquetFile(source) as file:
            present = set(file.schema_arrow.names)
            for batch in read_in_batches(file, READ_ROWS, [name for name in schema.names if name in present]):
                columns = [batch[field.name].cast(field.type) if field.name in present else pa.nulls(len(batch), field.type) for field in schema]
                yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Row groups of about the size in which the writer of a run makes them."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(one.nbytes for one in held) >= 2 * GROUP_BYTES:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)
