"""Parquet tables: folders with the current rows. New files are renamed in, `runs` names them, and then the replaced ones are set aside.

So a reader of the snapshot never loses a file before there is a newer snapshot. A reader of the bare folder sees both the new and the
replaced files for a moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.tables.reading import RETIRED, count_rows, current_path
from pipelines.tables.writing import DataFile
from pipelines.visible import counted

STATE_COLUMN = "files"
OnPoint = Callable[[str], None]


def commit_files(
    root: Path, table: str, files: Sequence[tuple[Path, DataFile]], run_id: str, state: list[str] | None, replaced: str | None, on_point: OnPoint
) -> list[str]:
    names = []
    for path, file in files:
        target = root / table / file.partition / file.name
        _move(path, target)
        names.append(str(target.relative_to(root)))
        on_point(f"{table}: a file moved in")
    (root / table).mkdir(parents=True, exist_ok=True)
    return sorted([*_other_batches(state, replaced), *names])


def roll_back(spark: SparkSession, root: Path, states: Mapping[str, list[str]], run_id: str, on_point: OnPoint) -> list[str]:
    restored = []
    for table, names in states.items():
        present = {str(path.relative_to(root)): path for path in (root / table).rglob("*.parquet")}
        extra = [path for name, path in present.items() if name not in set(names)]
        missing = [name for name in names if name not in present]
        for name in missing:
            _move(Path(current_path(root, name)), root / name)
            on_point(f"{table}: a file restored")
        for path in extra:
            _move(path, root / RETIRED / run_id / path.relative_to(root))
            on_point(f"{table}: a file set aside")
        if missing or extra:
            restored.append(f"{table}: {counted(len(extra), 'file')} set aside, {counted(len(missing), 'file')} restored")
    return restored


def rows_of_batch(root: Path, table: str, files: list[str], batch: str) -> int:
    return count_rows([current_path(root, name) for name in files if f"batch={batch}" in Path(name).parts])


def clean(spark: SparkSession, root: Path, table: str, days: int) -> None:
    """Nothing to do: replaced files are in `_old`, by the run that replaced them, and `apply_retention` deletes them there."""


def _other_batches(state: list[str] | None, replaced: str | None) -> list[str]:
    return [name for name in state or [] if replaced is None or f"batch={replaced}" not in Path(name).parts]


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
