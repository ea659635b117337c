"""Parquet tables: folders that hold the current rows. New files are renamed in, `runs` names them, then the replaced ones are set aside.

So a reader of the snapshot never loses a file that it was told of before a newer snapshot is there. A bare folder shows both the
new and the replaced files for a moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.tables.reading import RETIRED, count_rows, current_path
from pipelines.tables.writing import DataFile

STATE_COLUMN = "files"
OnPoint = Callable[[str], None]


def commit_files(
    root: Path, table: str, parts: Sequence[tuple[Path, DataFile]], run_id: str, named: list[str] | None, replaced: str | None, on_point: OnPoint
) -> list[str]:
    names = []
    for path, part in parts:
        target = root / table / part.partition / part.name
        _move(path, target)
        names.append(str(target.relative_to(root)))
        on_point(f"{table}: a file moved in")
    (root / table).mkdir(parents=True, exist_ok=True)
    return sorted([*_others(named, replaced), *names])


def roll_back(spark: SparkSession, root: Path, named: Mapping[str, list[str]], run_id: str, on_point: OnPoint) -> list[str]:
    undone = []
    for table, files in named.items():
        present = {str(path.relative_to(root)): path for path in (root / table).rglob("*.parquet")}
        strange = [path for name, path in present.items() if name not in set(files)]
        lost = [name for name in files if name not in present]
        for name in lost:
            _move(Path(current_path(root, name)), root / name)
            on_point(f"{table}: a file brought back")
        for path in strange:
            _move(path, root / RETIRED / run_id / path.relative_to(root))
            on_point(f"{table}: a file set aside")
        if lost or strange:
            undone.append(f"{table}: {len(strange)} files set aside, {len(lost)} brought back")
    return undone


def rows_of_batch(root: Path, table: str, files: list[str], batch: str) -> int:
    return count_rows([current_path(root, name) for name in files if f"batch={batch}" in Path(name).parts])


def clean(spark: SparkSession, root: Path, table: str, days: int) -> None:
    """Nothing: what was replaced stands under `_old`, and goes from there by the run that replaced it."""


def _others(named: list[str] | None, replaced: str | None) -> list[str]:
    return [name for name in named or [] if replaced is None or f"batch={replaced}" not in Path(name).parts]


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
