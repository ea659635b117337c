"""The published tables under one root, and how they are read and changed.

`delta_form` and `parquet_form` are modules with the same functions. The rows are in files already; publishing moves these in. The state
of a table, as a row of `runs` names it, is a version of a Delta table and a list of files of a Parquet table.
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
    """The tables under one root, a folder that driver and workers share. `on_point` is called at each step that changes the disk."""

    spark: SparkSession
    root: Path
    format: str
    on_point: OnPoint = lambda point: None

    @property
    def form(self) -> ModuleType:
        return FORMS[self.format]

    def read(self, table: str, row: Row | None = None) -> DataFrame | None:
        """The table as this row of `runs` names it, by default the last row; None where the row names no such table."""
        row = row or last_run(self.root)
        if row is None or table not in (row[self.form.STATE_COLUMN] or {}):
            return None
        kind = pa.struct([field for field in COLUMNS[table] if field.name not in PARTITIONS[table]])
        files = table_files(self.root, table, row)
        frame = reader_of(self.spark, kind).parquet(*files) if files else self.spark.createDataFrame([], from_arrow_schema(pa.schema(list(kind))))
        for column in PARTITIONS[table]:
            # From the path of the file: the files of one table can be in two folders, so there is no one base path for Spark.
            value = F.regexp_extract(F.col("_metadata.file_path"), f"/{column}=([^/]+)/", 1) if files else F.lit("")
            frame = frame.withColumn(column, value)
        return frame

    def commit_files(self, table: str, files: FileSet, run_id: str, state: State | None, replaced: str | None = None) -> State:
        """Adds the rows of these files to the table and removes those of batch `replaced`, in one step. Returns the table's new state."""
        self.on_point(f"{table}: before")
        new_state: State = self.form.commit_files(self.root, table, files.of(table), run_id, state, replaced, self.on_point)
        self.on_point(f"{table}: after")
        return new_state

    def roll_back(self, run_id: str) -> list[str]:
        """Brings every table to the state that the last row of `runs` names; returns what was rolled back, in words.

        A run that was killed between two commits leaves later states. Without this, readers would see its rows after the next run.
        """
        last = last_run(self.root)
        if last is None:
            return [_set_aside(self, name, run_id) for name in [*SNAPSHOT_TABLES, "runs"] if (self.root / name).is_dir()]
        rolled_back: list[str] = self.form.roll_back(self.spark, self.root, last[self.form.STATE_COLUMN] or {}, run_id, self.on_point)
        return rolled_back


def _set_aside(tables: Tables, table: str, run_id: str) -> str:
    target = tables.root / "_old" / run_id / table
    target.parent.mkdir(parents=True, exist_ok=True)
    (tables.root / table).rename(target)
    tables.on_point(f"{table}: set aside")
    return f"{table}: was never published; set aside"


__all__ = ["BATCH_TABLES", "PARTITIONS", "SNAPSHOT_TABLES", "OnPoint", "State", "Tables"]
