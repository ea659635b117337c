"""The published tables under one root: read, replaced by batch and appended to, as Delta or as plain Parquet."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from pipelines.schema import Row

PARTITIONS = {"conversations": ["split", "batch"], "samples": ["dialect", "split", "batch"], "quarantine": ["batch"], "images": [], "runs": []}
BATCHED = ["conversations", "samples", "quarantine"]


@dataclass(frozen=True, slots=True)
class Tables:
    """Where the tables stand. Roots are folders that driver and workers share."""

    spark: SparkSession
    root: Path
    format: str

    def folder(self, table: str) -> Path:
        return self.root / table

    def exists(self, table: str) -> bool:
        marker = self.folder(table) / "_delta_log" if self.format == "delta" else self.folder(table)
        return marker.is_dir()

    def read(self, table: str) -> DataFrame | None:
        """The table as it stands; None where it was never written."""
        return self.spark.read.format(self.format).load(str(self.folder(table))) if self.exists(table) else None

    def version(self, table: str) -> int:
        """The newest version of a Delta table."""
        history = self.spark.sql(f"DESCRIBE HISTORY delta.`{self.folder(table)}` LIMIT 1")
        return int(history.collect()[0]["version"])

    def last_run(self) -> Row | None:
        """The last row of `runs`, which names a consistent state of all tables."""
        runs = self.read("runs")
        rows = [] if runs is None else runs.orderBy("finished", ascending=False).limit(1).collect()
        return rows[0].asDict(recursive=True) if rows else None


def replace_batch(tables: Tables, table: str, rows: DataFrame, batch: str, run_id: str) -> None:
    """The batch's rows of this table are these, and no other batch is touched. Delta: one commit."""
    if tables.format == "delta":
        writer = rows.write.format("delta").mode("overwrite").option("replaceWhere", f"batch = '{batch}'")
        writer.partitionBy(*PARTITIONS[table]).save(str(tables.folder(table)))
        return
    written = _write_aside(tables, table, rows, run_id)
    _retire(tables, [path for path in tables.folder(table).rglob("*.parquet") if f"batch={batch}" in path.parts], run_id)
    _move_in(tables, table, written)


def append(tables: Tables, table: str, rows: DataFrame, run_id: str) -> None:
    if tables.format == "delta":
        rows.write.format("delta").mode("append").save(str(tables.folder(table)))
    else:
        _move_in(tables, table, _write_aside(tables, table, rows, run_id))


def current_state(tables: Tables, names: Iterable[str]) -> tuple[dict[str, int] | None, dict[str, list[str]] | None]:
    """(versions, files) of these tables, one of them None: what a row of `runs` names."""
    names = [name for name in names if tables.exists(name)]
    if tables.format == "delta":
        return {name: tables.version(name) for name in names}, None
    return None, {name: sorted(str(path.relative_to(tables.root)) for path in tables.folder(name).rglob("*.parquet")) for name in names}


def undo_unfinished(tables: Tables, run_id: str) -> list[str]:
    """Brings every table that is past the last row of `runs` back to the state named there; returns what was undone, in words.

    A run that was killed between two commits leaves such tables; its own rows would else be seen beside the next night's.
    """
    last = tables.last_run()
    names = [*BATCHED, "images"]
    if last is None:
        return [_set_aside(tables, name, run_id) for name in names if tables.exists(name)]
    if tables.format == "delta":
        return [_restore(tables, name, version) for name, version in last["versions"].items() if tables.version(name) != version]
    return _restore_files(tables, last["files"], run_id)


def _restore(tables: Tables, table: str, version: int) -> str:
    tables.spark.sql(f"RESTORE TABLE delta.`{tables.folder(table)}` TO VERSION AS OF {version}").collect()
    return f"{table}: brought back to version {version}"


def _restore_files(tables: Tables, named: dict[str, list[str]], run_id: str) -> list[str]:
    undone = []
    for table, files in named.items():
        present = {str(path.relative_to(tables.root)): path for path in tables.folder(table).rglob("*.parquet")}
        strange = [path for name, path in present.items() if name not in files]
        lost = [name for name in files if name not in present]
        for name in lost:
            retired = next(tables.root.glob(f"_old/*/{name}"))
            (tables.root / name).parent.mkdir(parents=True, exist_ok=True)
            retired.rename(tables.root / name)
        _retire(tables, strange, run_id)
        if lost or strange:
            undone.append(f"{table}: {len(strange)} files set aside, {len(lost)} brought back")
    return undone


def _set_aside(tables: Tables, table: str, run_id: str) -> str:
    target = tables.root / "_old" / run_id / table
    target.parent.mkdir(parents=True, exist_ok=True)
    tables.folder(table).rename(target)
    return f"{table}: was never published; set aside"


def _write_aside(tables: Tables, table: str, rows: DataFrame, run_id: str) -> Path:
    aside = tables.root / "_staging" / run_id / "publish" / table
    rows.write.mode("overwrite").partitionBy(*PARTITIONS[table]).parquet(str(aside))
    return aside


def _move_in(tables: Tables, table: str, aside: Path) -> None:
    tables.folder(table).mkdir(parents=True, exist_ok=True)
    for path in sorted(aside.rglob("*.parquet")):
        target = tables.folder(table) / path.relative_to(aside)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    shutil.rmtree(aside)


def _retire(tables: Tables, paths: list[Path], run_id: str) -> None:
    for path in paths:
        target = tables.root / "_old" / run_id / path.relative_to(tables.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
