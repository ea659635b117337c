"""Reads the files of a run back: their counts, and duplicate keys. Nothing is counted while rows are written."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.config import Config
from pipelines.ledger.books import ASIDE, takers
from pipelines.ledger.superseded import HOLDER, LEAVES_ANSWERS
from pipelines.ledger.tally import StagedFile, Tally, groups_of, tally_of
from pipelines.reasons import Reason
from pipelines.spark.plans.bridge import DRIVER_ROWS, Job, MapRows, config_of, distribute, file_batches, map_records, read_files
from pipelines.storage.opening import open_file
from pipelines.storage.stores import Stores
from pipelines.tables.schema import COLUMNS, FINDINGS, Row, long, struct, text
from pipelines.tables.writing import FileSet
from pipelines.visible import counted

TALLY = struct(tally=pa.binary())
GROUPS_A_TASK = 64
KEYS = {
    "conversations": struct(sample_id=text),
    "samples": struct(sample_id=text, dialect=text),
    "quarantine": struct(record_id=text, sample_id=text, dialect=text, origin=struct(path=text, line=long)),
}


class Staged(NamedTuple):
    """The files that a run has written: the drafts, and the rows of the three tables that it will publish."""

    drafts: FileSet
    tables: FileSet

    def frame(self, job: Job, table: str, kind: pa.StructType | None = None) -> DataFrame:
        return read_files(job, self.tables, table, kind or COLUMNS[table])


def read_back(job: Job, staged: Staged, config: Config) -> Tally:
    """The tally of all rows that were written. Raises where a file is lost or damaged."""
    settings, stores = config.model_dump_json(), job.root.stores
    quarantine = job.share([{"path": path} for path, _ in staged.tables.of("quarantine")])
    are_steps = any(source.rows.of == "step" for source in config.sources)  # only then a record has several conversations
    conversations = job.share([{"path": path} for path, _ in (staged.tables.of("conversations") if are_steps else ())])

    def make() -> MapRows:
        offered = takers(config_of(settings))
        aside, kept = ([row["path"] for row in shared.read()] for shared in (quarantine, conversations))

        def tally_task(rows: Iterator[Row]) -> Iterator[Row]:
            tally = Tally()
            for row in rows:
                tally.add(tally_of([StagedFile(**one) for one in row["group"]], offered, lambda path: open_file(path, stores), aside, kept))
            yield {"tally": tally.to_bytes()}

        return tally_task

    groups = [{"group": [one._asdict() for one in group]} for group in groups_of(*staged)]
    tally = Tally()
    for row in map_records(*distribute(job, groups, max(job.parallelism, len(groups) // GROUPS_A_TASK), make), TALLY).collect():
        tally.add(Tally.from_bytes(row["tally"]))
    return tally


def lost_with_holders(job: Job, staged: Staged) -> dict[tuple[str, str], int]:
    """(dialect, or "" for all, reason) -> records that leave answers to one that is quarantined for this."""
    rows = staged.frame(job, "quarantine", struct(record_id=text, dialect=text, reason=text, findings=FINDINGS))
    superseded = rows.where(F.col("reason") == Reason.RECORD_SUPERSEDED.code).select("findings")
    leaving = superseded.unionAll(staged.frame(job, "conversations", struct(findings=FINDINGS)))
    found = leaving.select(F.explode(F.filter("findings", lambda finding: finding["code"].isin(*LEAVES_ANSWERS))).alias("finding"))
    holders = found.select(F.regexp_extract(F.col("finding")["detail"], HOLDER, 1).alias("record_id"))
    refused = rows.where(~F.col("reason").isin(*ASIDE)).select("record_id", F.coalesce("dialect", F.lit("")).alias("dialect"), "reason").distinct()
    counts = refused.join(holders, on="record_id", how="inner").groupBy("dialect", "reason").agg(F.count(F.lit(1)).alias("records"))
    return {(row["dialect"], row["reason"]): row["records"] for row in counts.collect()}


def find_duplicate_keys(job: Job, staged: Staged) -> list[str]:
    """A sentence per table in which a key is not unique: conversations, samples per dialect, quarantined records per dialect."""
    few = sum(file.rows for file in staged.tables.files) <= DRIVER_ROWS
    duplicates = _duplicate_keys_on_driver(staged.tables, job.root.stores) if few else _duplicate_keys_in_spark(job, staged)
    return [f"{table}: {counted(count, 'key')} with more than one row" for table, count in sorted(duplicates.items())]


def _duplicate_keys_on_driver(files: FileSet, stores: Stores) -> dict[str, int]:
    """How many keys of each table have several rows, on the driver: it counts few rows faster than Spark can plan a query."""
    duplicates = {}
    for table, kind in KEYS.items():
        batches = [batch for path, file in files.of(table) for batch in file_batches(path, file.values(), kind, stores)]
        if batches:
            keys = pa.Table.from_batches(batches).flatten()
            counts = keys.group_by(keys.column_names).aggregate([([], "count_all")])["count_all"]
            duplicates[table] = pc.sum(pc.greater(counts, 1)).as_py()
    return {table: count for table, count in duplicates.items() if count}


def _duplicate_keys_in_spark(job: Job, staged: Staged) -> dict[str, int]:
    # A key is represented by 128 bits of hash: among 10^9 keys, two collide with a probability of 10^-21.
    keys = []
    for table, kind in KEYS.items():
        names = [f"{field.name}.{inner.name}" for field in kind if pa.types.is_struct(field.type) for inner in field.type]
        names += [field.name for field in kind if not pa.types.is_struct(field.type)]
        hashes = F.xxhash64(*names).alias("key"), F.xxhash64(*reversed(names), F.lit(table)).alias("more")
        keys.append(staged.frame(job, table, kind).select(F.lit(table).alias("table"), *hashes))
    seen = reduce(DataFrame.unionAll, keys).groupBy("table", "key", "more").agg(F.count(F.lit(1)).alias("rows"))
    return {row["table"]: row["count"] for row in seen.where("rows > 1").groupBy("table").count().collect()}
