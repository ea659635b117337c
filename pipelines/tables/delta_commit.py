"""Commits files that exist already to a Delta table. Spark's writer cannot: it can only write rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.transaction import AddAction, create_table_with_add_actions

from pipelines.tables.reading import files_of_version, newest_commit
from pipelines.tables.schema import COLUMNS, PARTITIONS
from pipelines.tables.writing import DataFile


def move_in(path: Path, file: DataFile, folder: Path) -> AddAction:
    """Moves the file into its table's folder. It is no part of the table until a commit names it."""
    name = f"{file.partition}/{file.name}".lstrip("/")
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
    modified = target.stat().st_mtime_ns // 1_000_000
    return AddAction(name, file.bytes, file.values(), modified, data_change=True, stats=f'{{"numRecords":{file.rows}}}')


def add_missing_columns(folder: Path) -> None:
    """Gives a table of an earlier version the columns that it lacks, in a commit of its own. A commit that only adds files cannot."""
    if newest_commit(folder)[0] < 0:
        return
    table = DeltaTable(str(folder))
    present = {field.name for field in table.schema().fields}
    missing = [field for field in Schema.from_arrow(pa.schema(list(COLUMNS[folder.name]))).fields if field.name not in present]
    if missing:
        table.alter.add_columns(missing)


def commit(folder: Path, added: Sequence[AddAction], run_id: str, replaced: str | None) -> None:
    """Adds these files and removes those of batch `replaced`, in one commit. Commits nothing where nothing would change."""
    before = newest_commit(folder)[0]
    schema = Schema.from_arrow(pa.schema(list(COLUMNS[folder.name])))
    partitions = PARTITIONS[folder.name]
    mark = CommitProperties(custom_metadata={"userMetadata": run_id})
    if before < 0:
        create_table_with_add_actions(str(folder), schema, list(added), partition_by=partitions, commit_properties=mark)
    elif replaced is not None and (added or files_of_version(folder, before, replaced)):
        where = [("batch", "=", replaced)]
        DeltaTable(str(folder)).create_write_transaction(list(added), "overwrite", schema, partitions, partition_filters=where, commit_properties=mark)
    elif added:
        DeltaTable(str(folder)).create_write_transaction(list(added), "append", schema, partitions, commit_properties=mark)
