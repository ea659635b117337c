"""Reads staged files back: their counts, and duplicate keys. Nothing is counted while rows are written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.config import Config
from pipelines.ledger.books import takers
from pipelines.ledger.tally import StagedFile, Tally, groups_of, tally_of
from pipelines.spark.plans.bridge import DRIVER_ROWS, MapRows, config_of, distribute, map_records, read_files
from pipelines.tables.schema import COLUMNS, struct
from pipelines.tables.writing import DataFile, FileSet
from pipelines.visible import counted

TALLY = struct(tally=pa.binary())
KEYS = {"conversations": ["sample_id"], "samples": ["sample_id", "dialect"], "quarantine": ["record_id", "dialect", "origin.path", "origin.line"]}


class Staged(NamedTuple):
    """The files that a run has staged: the drafts, and the rows of the three tables that it will publish."""

    drafts: FileSet
    tables: FileSet

    def frame(self, spark: SparkSession, table: str) -> DataFrame:
        return read_files(spark, self.tables, table, COLUMNS[table])


def read_back(spark: SparkSession, staged: Staged, config: Config) -> Tally:
    """The tally of all staged rows. Raises where a file is lost or damaged."""
    settings = config.model_dump_json()
    quarantine = [str(path) for path, _ in staged.tables.of("quarantine")]

    def make() -> MapRows:
        offered = takers(config_of(settings))
        return lambda rows: ({"tally": tally_of([StagedFile(*one) for one in row["group"]], offered, quarantine).to_bytes()} for row in rows)

    groups = [{"group": group} for group in groups_of(*staged)]
    tally = Tally()
    for row in map_records(*distribute(spark, groups, len(groups), make), TALLY).collect():
        tally.add(Tally.from_bytes(row["tally"]))
    return tally


def find_duplicate_keys(spark: SparkSession, staged: Staged) -> list[str]:
    """A sentence per table in which a key is not unique: conversations, samples per dialect, quarantined records per dialect."""
    few = sum(file.rows for file in staged.tables.files) <= DRIVER_ROWS
    duplicates = _duplicate_keys_on_driver(staged.tables) if few else _duplicate_keys_in_spark(spark, staged)
    return [f"{table}: {counted(count, 'key')} with more than one row" for table, count in sorted(duplicates.items())]


def _duplicate_keys_on_driver(files: FileSet) -> dict[str, int]:
    """How many keys of each table have several rows, on the driver: it counts few rows faster than Spark can plan a query."""
    duplicates = {}
    for table, names in KEYS.items():
        keys = [_keys(path, data_file, names) for path, data_file in files.of(table)]
        if keys:
            counts = pa.concat_tables(keys).group_by(names).aggregate([([], "count_all")])["count_all"]
            duplicates[table] = pc.sum(pc.greater(counts, 1)).as_py()
    return {table: count for table, count in duplicates.items() if count}


def _keys(path: Path, data_file: DataFile, names: Sequence[str]) -> pa.Table:
    values = data_file.values()
    with pq.ParquetFile(path) as file:
        rows = file.read(columns=[name for name in names if name not in values], use_threads=False).flatten()
    for name in values.keys() & set(names):
        rows = rows.append_column(name, pa.repeat(values[name], len(rows)))
    return rows.select(names)


def _duplicate_keys_in_spark(spark: SparkSession, staged: Staged) -> dict[str, int]:
    # A key is represented by 128 bits of hash: among 10^9 keys, two collide with a probability of 10^-21.
    keys = [
        staged.frame(spark, table).select(
            F.lit(table).alias("table"), F.xxhash64(*names).alias("key"), F.xxhash64(*reversed(names), F.lit(table)).alias("more")
        )
        for table, names in KEYS.items()
    ]
    seen = reduce(DataFrame.unionAll, keys).groupBy("table", "key", "more").agg(F.count(F.lit(1)).alias("rows"))
    return {row["table"]: row["count"] for row in seen.where("rows > 1").groupBy("table").count().collect()}
