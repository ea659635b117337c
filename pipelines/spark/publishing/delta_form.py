"""Delta tables: each change is one commit, which carries the run's id, and a state is a version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.storage.locks import LostRace
from pipelines.tables.delta_commit import commit, move_in
from pipelines.tables.reading import count_rows, files_of_version, newest_commit
from pipelines.tables.writing import DataFile

STATE_COLUMN = "versions"
OnPoint = Callable[[str], None]


def commit_files(
    root: Path, table: str, parts: Sequence[tuple[Path, DataFile]], run_id: str, named: int | None, replaced: str | None, on_point: OnPoint
) -> int:
    folder = root / table
    before = newest_commit(folder)[0]
    added = [move_in(path, part, folder) for path, part in parts]
    on_point(f"{table}: files moved in")
    commit(folder, added, run_id, replaced)
    return _checked(folder, before, run_id)


def roll_back(spark: SparkSession, root: Path, named: Mapping[str, int], run_id: str, on_point: OnPoint) -> list[str]:
    undone = []
    for table, version in named.items():
        newest, by = newest_commit(root / table)
        is_there = newest == version or (by.get("operation") == "RESTORE" and str(by["operationParameters"].get("version")) == str(version))
        if not is_there:
            on_point(f"{table}: before restore")
            spark.sql(f"RESTORE TABLE delta.`{root / table}` TO VERSION AS OF {version}").collect()
            on_point(f"{table}: after restore")
            undone.append(f"{table}: brought back from version {newest} to version {version}")
    return undone


def rows_of_batch(root: Path, table: str, version: int, batch: str) -> int:
    """Rows of this batch in this version, from the footers of its files."""
    return count_rows(files_of_version(root / table, version, batch))


def clean(spark: SparkSession, root: Path, table: str, days: int) -> None:
    """Deletes the files that no version of the last `days` days needs."""
    spark.sql(f"VACUUM delta.`{root / table}` RETAIN {24 * days} HOURS").collect()


def _checked(folder: Path, before: int, run_id: str) -> int:
    """The new version; the old one where nothing was to be changed.

    Raises LostRace where a commit of somebody else stands between: the caller holds the lock, so nobody should.
    """
    newest, by = newest_commit(folder)
    if newest != before and (newest != before + 1 or by.get("userMetadata") != run_id):
        raise LostRace(f"{folder.name}: version {newest} is not the one commit of this run on version {before}; somebody else wrote to it")
    return newest
