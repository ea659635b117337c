"""The published tables under one root: which there are, and how each form of them is read and changed.

A form is a module, `delta_form` or `parquet_form`, with the same functions. What a row of `runs` names of a table is a version of
a Delta table and a list of files of a Parquet one: its state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from pipelines.reading import PARTITIONS, Row, last_run
from pipelines.spark import delta_form, parquet_form

BATCHED = ["conversations", "samples", "quarantine"]
NAMED = [*BATCHED, "images"]
FORMS: dict[str, ModuleType] = {"delta": delta_form, "parquet": parquet_form}

State = Any  # int of a Delta table, list[str] of a Parquet one
At = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tables:
    """Where the tables stand. Roots are folders that driver and workers share. `at` is told each step that touches the disk."""

    spark: SparkSession
    root: Path
    format: str
    at: At = lambda point: None

    @property
    def form(self) -> ModuleType:
        return FORMS[self.format]

    def read(self, table: str, row: Row | None = None) -> DataFrame | None:
        """The table as this row of `runs` names it, else the last one; None where that names none. Never half a night."""
        row = row or last_run(self.root)
        named = None if row is None else row[self.form.NAMED_BY]
        if not named or table not in named:
            return None
        frame: DataFrame = self.form.read(self.spark, self.root, table, named[table])
        return frame

    def replace_batch(self, table: str, rows: DataFrame, batch: str, run_id: str, named: State | None) -> State:
        """The batch's rows of this table are these, and no other batch is touched. Returns the table's new state."""
        self.at(f"{table}: before")
        state = self.form.replace_batch(self.spark, self.root, table, rows, batch, run_id, named, self.at)
        self.at(f"{table}: after")
        return state

    def append(self, table: str, rows: DataFrame, run_id: str, named: State | None) -> State:
        self.at(f"{table}: before")
        state = self.form.append(self.spark, self.root, table, rows, run_id, named, self.at)
        self.at(f"{table}: after")
        return state

    def undo(self, run_id: str) -> list[str]:
        """Brings every table to the state that the last row of `runs` names; returns what was undone, in words.

        A run that was killed between two commits leaves such tables; its own rows would else be seen beside the next night's.
        """
        last = last_run(self.root)
        if last is None:
            return [_set_aside(self, name, run_id) for name in [*NAMED, "runs"] if (self.root / name).is_dir()]
        undone: list[str] = self.form.undo(self.spark, self.root, last[self.form.NAMED_BY] or {}, run_id, self.at)
        return undone


def _set_aside(tables: Tables, table: str, run_id: str) -> str:
    target = tables.root / "_old" / run_id / table
    target.parent.mkdir(parents=True, exist_ok=True)
    (tables.root / table).rename(target)
    tables.at(f"{table}: set aside")
    return f"{table}: was never published; set aside"


__all__ = ["BATCHED", "NAMED", "PARTITIONS", "At", "State", "Tables"]
