"""Delta tables. Each change is one commit that carries the run's id; the state of a table is its version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.storage.locks import LostRace
from pipelines.tables.delta_commit import add_missing_columns, commit, move_in
from pipelines.tables.reading import count_rows, files_of_version, newest_commit
from pipelines.tables.writing import DataFile

STATE_COLUMN = "versions"
OnPoint = Callable[[str], None]


def commit_files(
    root: Path, table: str, files: Sequence[tuple[Path, DataFile]], run_id: str, state: int | None, replaced: str | None, on_point: OnPoint
) -> int:
    folder = root / table
    add_missing_columns(folder)
    before = newest_commit(folder)[0]
    added = [move_in(path, file, folder) for path, file in files]
    on_point(f"{table}: files moved in")
    commit(folder, added, run_id, replaced)
    return _checked(folder, before, run_id)


def roll_back(spark: SparkSession, root: Path, states: Mapping[str, int], run_id: str, on_point: OnPoint) -> list[str]:
    restored = []
    for table, version in states.items():
        newest, by = newest_commit(root / table)
        is_there = newest == version or (by.get("operation") == "RESTORE" and str(by["operationParameters"].get("version")) == str(version))
        if not is_there:
            on_point(f"{table}: before restore")
            spark.sql(f"RESTORE TABLE delta.`{root / table}` TO VERSION AS OF {version}").collect()
            on_point(f"{table}: after restore")
            restored.append(f"{table}: restored from version {newest} to version {version}")
    return restored


def rows_of_batch(root: Path, table: str, version: int, batch: str) -> int:
    """How many rows of this batch this version has, from the footers of its files."""
    return count_rows(files_of_version(root / table, version, batch))


def clean(spark: SparkSession, root: Path, table: str, days: int) -> None:
    """Deletes the files that no version of the last `days` days needs."""
    spark.sql(f"VACUUM delta.`{root / table}` RETAIN {24 * days} HOURS").collect()


def _checked(folder: Path, before: int, run_id: str) -> int:
    """The new version; the old one where there was nothing to change.

    Raises LostRace where another writer has committed, although the caller holds the lock.
    """
    newest, by = newest_commit(folder)
    if newest != before and (newest != before + 1 or by.get("userMetadata") != run_id):
        raise LostRace(f"{folder.name}: version {newest} is not the one commit of this run on version {before}; another writer has changed the table")
    return newest
