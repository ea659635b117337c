"""The published tables under one root: which there are, and how each form of them is read and changed.

A form is a module, `delta_form` or `parquet_form`, with the same functions; every row is written before, by who made it, and moved in as a file. What a row of `runs` names of a table is a version of
a Delta table and a list of files of a Parquet one: its state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from pipelines.spark.plans.bridge import reader_of
from pipelines.spark.publishing import delta_form, parquet_form
from pipelines.tables.reading import Row, last_run, table_files
from pipelines.tables.schema import COLUMNS, PARTITIONS
from pipelines.tables.writing import FileSet

BATCH_TABLES = ["conversations", "samples", "quarantine"]
SNAPSHOT_TABLES = [*BATCH_TABLES, "images"]
FORMS: dict[str, ModuleType] = {"delta": delta_form, "parquet": parquet_form}

State = Any  # int of a Delta table, list[str] of a Parquet one
OnPoint = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tables:
    """Where the tables stand. Roots are folders that driver and workers share. `at` is told each step that touches the disk."""

    spark: SparkSession
    root: Path
    format: str
    on_point: OnPoint = lambda point: None

    @property
    def form(self) -> ModuleType:
        return FORMS[self.format]

    def read(self, table: str, row: Row | None = None) -> DataFrame | None:
        """The table as this row of `runs` names it, else the last one; None where that names none. Never half a night."""
        row = row or last_run(self.root)
        if row is None or table not in (row[self.form.STATE_COLUMN] or {}):
            return None
        kind = pa.struct([field for field in COLUMNS[table] if field.name not in PARTITIONS[table]])
        files = table_files(self.root, table, row)
        frame = reader_of(self.spark, kind).parquet(*files) if files else self.spark.createDataFrame([], from_arrow_schema(pa.schema(list(kind))))
        for column in PARTITIONS[table]:
            # The partition's value from the file's own path: files of one table can stand in two folders, so Spark cannot tell a base path.
            value = F.regexp_extract(F.col("_metadata.file_path"), f"/{column}=([^/]+)/", 1) if files else F.lit("")
            frame = frame.withColumn(column, value)
        return frame

    def commit_files(self, table: str, files: FileSet, run_id: str, named: State | None, replaced: str | None = None) -> State:
        """Rows that stand in files become the table's own, in one step, instead of those of batch `replaced`. Returns the table's new state."""
        self.on_point(f"{table}: before")
        state = self.form.commit_files(self.root, table, files.of(table), run_id, named, replaced, self.on_point)
        self.on_point(f"{table}: after")
        return state

    def roll_back(self, run_id: str) -> list[str]:
        """Brings every table to the state that the last row of `runs` names; returns what was undone, in words.

        A run that was killed between two commits leaves such tables; its own rows would else be seen beside the next night's.
        """
        last = last_run(self.root)
        if last is None:
            return [_set_aside(self, name, run_id) for name in [*SNAPSHOT_TABLES, "runs"] if (self.root / name).is_dir()]
        undone: list[str] = self.form.roll_back(self.spark, self.root, last[self.form.STATE_COLUMN] or {}, run_id, self.on_point)
        return undone


def _set_aside(tables: Tables, table: str, run_id: str) -> str:
    target = tables.root / "_old" / run_id / table
    target.parent.mkdir(parents=True, exist_ok=True)
    (tables.root / table).rename(target)
    tables.on_point(f"{table}: set aside")
    return f"{table}: was never published; set aside"


__all__ = ["BATCH_TABLES", "PARTITIONS", "SNAPSHOT_TABLES", "OnPoint", "State", "Tables"]
