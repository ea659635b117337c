"""Small published roots, made by hand: what a reader without Spark needs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.tables.schema import COLUMNS

Row = dict[str, Any]
RUN = pa.schema(
    [
        ("run_id", pa.string()),
        ("batch", pa.string()),
        ("kind", pa.string()),
        ("versions", pa.map_(pa.string(), pa.int64())),
        ("files", pa.map_(pa.string(), pa.list_(pa.string()))),
        ("settings", pa.string()),
        ("finished", pa.timestamp("us", tz="UTC")),
    ]
)


def run_row(batch: str, hour: int = 1, *, versions: dict | None = None, files: dict | None = None, settings: Row | None = None) -> Row:
    """A row of `runs`, finished at this hour of a day."""
    return {
        "run_id": f"{batch}-{hour}",
        "batch": batch,
        "kind": "batch",
        "versions": None if versions is None else list(versions.items()),
        "files": None if files is None else list(files.items()),
        "settings": None if settings is None else json.dumps(settings),
        "finished": datetime(2026, 11, 22, hour, tzinfo=UTC),
    }


def write_runs(root: Path, rows: list[Row]) -> None:
    (root / "runs").mkdir(parents=True, exist_ok=True)
    for row in rows:
        pq.write_table(pa.Table.from_pylist([row], RUN), root / "runs" / f"{row['run_id']}.parquet")


def write_rows(root: Path, name: str, rows: list[Row], schema: pa.Schema | None = None) -> str:
    """Writes a file of a Parquet table; `name`, its path under the root, is what `runs` names it by.

    Without `schema`, its columns are those that the rows have, in the types of the published table.
    """
    if schema is None:
        types = {field.name: field for field in COLUMNS[next(part for part in name.split("/") if part in COLUMNS)]}
        schema = pa.schema([types[column] for column in rows[0]])
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema), root / name)
    return name


def publish(root: Path, tables: dict[str, list[Row]], settings: Row | None = None, batch: str = "b1", schemas: dict[str, pa.Schema] | None = None) -> Path:
    """The root, in Parquet form with one batch; the rows' own dialect and split say where they go."""
    files: dict[str, list[str]] = {}
    for table, rows in tables.items():
        parts: dict[str, list[Row]] = {}
        for row in rows:
            where = [f"{key}={row[key]}" for key in ("dialect", "split") if key in row]
            parts.setdefault("/".join([table, *where, f"batch={batch}", "a.parquet"]), []).append(
                {k: v for k, v in row.items() if k not in ("dialect", "split", "batch")}
            )
        files[table] = [write_rows(root, name, part, (schemas or {}).get(table)) for name, part in parts.items()]
    write_runs(root, [run_row(batch, files=files, settings=settings)])
    return root


def schema_of(columns: pa.StructType) -> pa.Schema:
    """The columns in a file: those that are no partition columns."""
    return pa.schema([field for field in columns if field.name not in ("dialect", "split", "batch")])
