"""Files that stand already become a Delta table's own, in one commit: by deltalake, for Spark's writer can only write rows anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.transaction import AddAction, create_table_with_add_actions

from pipelines.parts import Part
from pipelines.reading import PARTITIONS, files_of_version
from pipelines.schema import COLUMNS


def move_in(folder: Path, parts: Sequence[tuple[Path, Part]]) -> list[AddAction]:
    """The files renamed into the table's folder; no reader sees them before a commit names them."""
    return [_moved(path, part, folder) for path, part in parts]


def commit_batch(folder: Path, files: Sequence[AddAction], batch: str, run_id: str, before: int) -> None:
    """The batch's rows are those of these files, and no other batch is touched. `before` is the version that stands, -1 for none yet."""
    schema = Schema.from_arrow(pa.schema(list(COLUMNS[folder.name])))
    mark = CommitProperties(custom_metadata={"userMetadata": run_id})
    partitions = PARTITIONS[folder.name]
    if before < 0:
        create_table_with_add_actions(str(folder), schema, [*files], partition_by=partitions, commit_properties=mark)
    elif files or files_of_version(folder, before, batch):
        where = [("batch", "=", batch)]
        DeltaTable(str(folder)).create_write_transaction([*files], "overwrite", schema, partitions, partition_filters=where, commit_properties=mark)


def _moved(path: Path, part: Part, folder: Path) -> AddAction:
    name = f"{part.partition}/{part.name}"
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
    values = dict(one.split("=", 1) for one in part.partition.split("/"))
    modified = target.stat().st_mtime_ns // 1_000_000
    return AddAction(name, part.bytes, values, modified, data_change=True, stats=f'{{"numRecords":{part.rows}}}')
