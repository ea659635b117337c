"""Drafts + images -> outcomes: copies and clashing ids found, images joined back, every dialect's row made and staged once."""

from __future__ import annotations

from collections.abc import Iterator

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.config import Config
from pipelines.flow import Flow, duplicate_row, finish
from pipelines.images.look import seen_from
from pipelines.records import Finding, Origin, Outcome, Quarantined, RawRecord, SeenImage
from pipelines.schema import TABLES, Row, draft_from_bytes, row_of, struct, text
from pipelines.spark.bridge import Step, flow_of, map_records

# One row per outcome: its table, and one of the three structs. So one pass through Python makes all three tables.
OUTCOMES = struct(table=text, **TABLES)


def mark_drafts(drafts: DataFrame, clashing_already: DataFrame | None = None) -> DataFrame:
    """`kept` is the first place of the same bytes where that is another one, else null; `id_conflict` says that the id names other content too."""
    place = F.struct(F.col("origin.path").alias("path"), F.col("origin.line").alias("line"))
    records = drafts.where("origin.line > 0")
    copied = records.groupBy("record_id").agg(F.min(place).alias("first"), F.count(F.lit(1)).alias("copies")).where("copies > 1")
    clashing = (
        records.where("logged_id is not null")
        .groupBy(F.col("origin.source").alias("source"), "logged_id")
        .agg(F.count_distinct("record_id").alias("contents"))
        .where("contents > 1")
    )
    marked = drafts.withColumn("source", F.col("origin.source")).join(copied, on="record_id", how="left").join(clashing, on=["source", "logged_id"], how="left")
    clashes = F.col("contents").isNotNull()
    if clashing_already is not None:
        marked = marked.join(clashing_already.select("record_id", F.lit(True).alias("already")).distinct(), on="record_id", how="left")
        clashes = clashes | F.col("already").isNotNull()
    return marked.select(
        *[column for column in drafts.columns if column not in ("logged_id", "episode_id")],
        "source",
        F.when(F.col("first").isNotNull() & (F.col("first") != place), F.col("first")).alias("kept"),
        clashes.alias("id_conflict"),
    )


def join_images(marked: DataFrame, seen: DataFrame) -> DataFrame:
    """Every draft with the images it names, as array `seen`; each reference once per record, in no order (a record finds them by key)."""
    wanted = marked.where("kept is null and size(refs) > 0").select("record_id", "source", F.explode(F.array_distinct("refs.key")).alias("key"))
    found = wanted.join(seen, on=["source", "key"], how="inner").groupBy("record_id").agg(F.collect_list("seen").alias("seen"))
    return marked.drop("refs", "source").join(found, on="record_id", how="left")


def make_outcomes(joined: DataFrame, config: Config, batch: str, run_id: str) -> DataFrame:
    settings = config.model_dump_json()

    def make() -> Step:
        flow = flow_of(settings)
        return lambda rows: (_staged(outcome, flow, batch, run_id) for row in rows for outcome in outcomes_of(row, flow))

    return map_records(joined, make, OUTCOMES)


def outcomes_of(row: Row, flow: Flow) -> Iterator[Outcome]:
    raw = RawRecord(Origin(**row["origin"]), row["record_id"], row["raw"])
    if row["kept"] is not None:
        yield duplicate_row(raw, row["kept"]["path"], row["kept"]["line"])
    elif row["draft"] is None:
        yield Quarantined(raw, tuple(Finding(**finding) for finding in row["findings"]))
    else:
        seen = {image["key"]: _seen(image) for image in row["seen"] or ()}
        yield from finish(raw, draft_from_bytes(row["draft"]), seen, flow, row["id_conflict"])


def _seen(row: Row) -> SeenImage:
    return seen_from(row, tuple(Finding(**finding) for finding in row["findings"]))


def _staged(outcome: Outcome, flow: Flow, batch: str, run_id: str) -> Row:
    table, row = row_of(outcome, batch, run_id, flow.config.split)
    return {"table": table} | {name: row if name == table else None for name in TABLES}


def staged_table(staged: DataFrame, table: str) -> DataFrame:
    """The rows of one table, with the columns that need no Python."""
    rows = staged.where(F.col("table") == table).select(f"{table}.*")
    if table != "samples":
        return rows
    ones = F.array_repeat(F.lit(1), F.col("num_tokens")).alias("attention_mask")
    places = F.sequence(F.lit(0), F.col("num_tokens") - 1).alias("position_ids")
    columns = rows.columns
    after = columns.index("labels") + 1
    return rows.select(*columns[:after], ones, places, *columns[after:])
