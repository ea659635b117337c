"""Delta tables: each change is one commit, which carries the run's id, and a state is a version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pyspark.sql import DataFrame, DataFrameWriter, SparkSession

from pipelines.lock import LostRace
from pipelines.reading import PARTITIONS, count_rows, files_of_version, newest_commit

NAMED_BY = "versions"
At = Callable[[str], None]


def read(spark: SparkSession, root: Path, table: str, version: int) -> DataFrame:
    return spark.read.format("delta").option("versionAsOf", version).load(str(root / table))


def replace_batch(spark: SparkSession, root: Path, table: str, rows: DataFrame, batch: str, run_id: str, named: int | None, at: At) -> int:
    writer = rows.write.format("delta").mode("overwrite").option("replaceWhere", f"batch = '{batch}'")
    return _commit(writer.partitionBy(*PARTITIONS[table]), root / table, run_id)


def append(spark: SparkSession, root: Path, table: str, rows: DataFrame, run_id: str, named: int | None, at: At) -> int:
    return _commit(rows.write.format("delta").mode("append").option("mergeSchema", "true"), root / table, run_id)


def undo(spark: SparkSession, root: Path, named: Mapping[str, int], run_id: str, at: At) -> list[str]:
    undone = []
    for table, version in named.items():
        newest, by = newest_commit(root / table)
        is_there = newest == version or (by.get("operation") == "RESTORE" and str(by["operationParameters"].get("version")) == str(version))
        if not is_there:
            at(f"{table}: before restore")
            spark.sql(f"RESTORE TABLE delta.`{root / table}` TO VERSION AS OF {version}").collect()
            at(f"{table}: after restore")
            undone.append(f"{table}: brought back from version {newest} to version {version}")
    return undone


def rows_of_batch(root: Path, table: str, version: int, batch: str) -> int:
    """Rows of this batch in this version, from the footers of its files."""
    return count_rows(files_of_version(root / table, version, batch))


def clean(spark: SparkSession, root: Path, table: str, days: int) -> None:
    """Deletes the files that no version of the last `days` days needs."""
    spark.sql(f"VACUUM delta.`{root / table}` RETAIN {24 * days} HOURS").collect()


def _commit(writer: DataFrameWriter, folder: Path, run_id: str) -> int:
    """The new version; the old one where nothing was to be changed, for then Delta commits nothing.

    Raises LostRace where a commit of somebody else stands between: the caller holds the lock, so nobody should.
    """
    before = newest_commit(folder)[0]
    writer.option("userMetadata", run_id).save(str(folder))
    newest, by = newest_commit(folder)
    if newest != before and (newest != before + 1 or by.get("userMetadata") != run_id):
        raise LostRace(f"{folder.name}: version {newest} is not the one commit of this run on version {before}; somebody else wrote to it")
    return newest
