"""A published root without Spark: Parquet tables of what becomes of a few records, with a row of `runs` that names their files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.config import Config
from pipelines.tables.schema import COLUMNS, PARTITIONS
from pipelines.tables.writing import FileWriter, placed
from tests.making import run_lines


def publish(root: Path, config: Config, logs: Path, run_id: str, hour: int, batch: str = "mon", **run: Any) -> list[str]:
    """Publishes the records of this file as run `run_id`, finished at this hour of 2026-11-22; the published files, relative to the root."""
    kinds = {table: pa.struct([field for field in columns if field.name not in PARTITIONS[table]]) for table, columns in COLUMNS.items()}
    writer = FileWriter(root / "staging", run_id, kinds)
    for outcome in run_lines(config, logs):
        writer.add(*placed(outcome, batch, run_id, config.split))
    files: dict[str, list[str]] = {table: [] for table in ("conversations", "samples", "quarantine")}
    for file in writer.close():
        name = f"{file.table}/{file.partition}/{file.name}"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "staging" / f"table={file.table}" / file.partition / file.name).rename(root / name)
        files[file.table].append(name)
    moment = datetime(2026, 11, 22, hour, tzinfo=UTC)
    row = dict.fromkeys(COLUMNS["runs"].names) | {"run_id": run_id, "batch": batch, "files": list(files.items()), "started": moment, "finished": moment} | run
    (root / "runs").mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist([row], schema=pa.schema(list(COLUMNS["runs"]))), root / "runs" / f"{run_id}.parquet")
    return [name for names in files.values() for name in names]
