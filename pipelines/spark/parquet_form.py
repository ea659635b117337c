"""Parquet tables: folders that hold the current rows. New files are renamed in, `runs` names them, then the replaced ones are set aside.

So a reader of the snapshot never loses a file that it was told of before a newer snapshot is there. A bare folder shows both the
new and the replaced files for a moment.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.reading import PARTITIONS, RETIRED, count_rows, standing

NAMED_BY = "files"
At = Callable[[str], None]


def read(spark: SparkSession, root: Path, table: str, files: list[str]) -> DataFrame | None:
    if not files:
        return None
    paths = [standing(root, name) for name in files]
    frame = spark.read.parquet(*paths)
    for column in PARTITIONS[table]:
        frame = _with_partition(frame, column)
    return frame


def replace_batch(spark: SparkSession, root: Path, table: str, rows: DataFrame, batch: str, run_id: str, named: list[str] | None, at: At) -> list[str]:
    return sorted([*_others(named, batch), *_write(root, table, rows, run_id, at)])


def append(spark: SparkSession, root: Path, table: str, rows: DataFrame, run_id: str, named: list[str] | None, at: At) -> list[str]:
    return sorted([*(named or []), *_write(root, table, rows, run_id, at)])


def undo(spark: SparkSession, root: Path, named: Mapping[str, list[str]], run_id: str, at: At) -> list[str]:
    undone = []
    for table, files in named.items():
        present = {str(path.relative_to(root)): path for path in (root / table).rglob("*.parquet")}
        strange = [path for name, path in present.items() if name not in set(files)]
        lost = [name for name in files if name not in present]
        for name in lost:
            _move(Path(standing(root, name)), root / name)
            at(f"{table}: a file brought back")
        for path in strange:
            _move(path, root / RETIRED / run_id / path.relative_to(root))
            at(f"{table}: a file set aside")
        if lost or strange:
            undone.append(f"{table}: {len(strange)} files set aside, {len(lost)} brought back")
    return undone


def rows_of_batch(root: Path, table: str, files: list[str], batch: str) -> int:
    return count_rows([standing(root, name) for name in files if f"batch={batch}" in Path(name).parts])


def clean(spark: SparkSession, root: Path, table: str, days: int) -> None:
    """Nothing: what was replaced stands under `_old`, and goes from there by the run that replaced it."""


def _others(named: list[str] | None, batch: str) -> list[str]:
    return [name for name in named or [] if f"batch={batch}" not in Path(name).parts]


def _write(root: Path, table: str, rows: DataFrame, run_id: str, at: At) -> list[str]:
    """Written aside, then renamed in file by file; the names under the root."""
    aside = root / "_staging" / run_id / "publish" / table
    rows.write.mode("overwrite").partitionBy(*PARTITIONS[table]).parquet(str(aside))
    at(f"{table}: written aside")
    names = []
    (root / table).mkdir(parents=True, exist_ok=True)
    for path in sorted(aside.rglob("*.parquet")):
        target = root / table / path.relative_to(aside)
        _move(path, target)
        names.append(str(target.relative_to(root)))
        at(f"{table}: a file moved in")
    shutil.rmtree(aside)
    return names


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)


def _with_partition(frame: DataFrame, column: str) -> DataFrame:
    """The partition value from the file's own path: files of one table can stand in two folders, so Spark cannot tell a base path."""
    return frame.withColumn(column, F.regexp_extract(F.col("_metadata.file_path"), f"/{column}=([^/]+)/", 1))
