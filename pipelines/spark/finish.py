"""Drafts + images -> outcomes: copies and clashing ids found, images joined back, every dialect's row made and staged once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_type

from pipelines.config import Config
from pipelines.flow import Flow, duplicate_row, finish
from pipelines.images.look import seen_from
from pipelines.parts import placed
from pipelines.records import Finding, Origin, Outcome, Quarantined, RawRecord, SeenImage
from pipelines.schema import FINDINGS, Row, draft_from_bytes, integer, struct, text
from pipelines.spark.bridge import Step, Work, flow_of

NOTHING: Row = {"kept": None, "id_conflict": False, "seen": None}  # what is said of most records
DRAFT_ROWS = 64
SEEN = struct(
    key=text, uri=text, sha256=text, format=text, width=integer, height=integer, verdict=text, reason=text, detail=text, findings=FINDINGS
)  # what look.seen_images says of an image


class Naming(NamedTuple):
    batch: str
    run_id: str


def mark_drafts(drafts: DataFrame, clashing_already: DataFrame | None = None) -> DataFrame:
    """`kept` is the first place of the same bytes where that is another one, else null; `id_conflict` says that the id names other content too."""
    drafts = drafts.select("*", F.col("_metadata.file_name").alias("part"), F.col("_metadata.row_index").alias("ordinal"))
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
        "record_id",
        "refs",
        "source",
        "part",
        "ordinal",
        F.when(F.col("first").isNotNull() & (F.col("first") != place), F.col("first")).alias("kept"),
        clashes.alias("id_conflict"),
    )


def join_images(marked: DataFrame, seen: DataFrame | None) -> DataFrame:
    """Every draft with the images it names, as array `seen`; each reference once per record, in no order (a record finds them by key)."""
    if seen is None:
        return marked.drop("refs", "source").withColumn("seen", F.lit(None).cast(from_arrow_type(pa.list_(SEEN))))
    wanted = marked.where("kept is null and size(refs) > 0").select("record_id", "source", F.explode(F.array_distinct("refs.key")).alias("key"))
    found = wanted.join(seen, on=["source", "key"], how="inner").groupBy("record_id").agg(F.collect_list("seen").alias("seen"))
    return marked.drop("refs", "source").join(found, on="record_id", how="left")


def outcomes_work(spark: SparkSession, drafts: Sequence[str], joined: DataFrame, run: Naming, config: Config) -> Work:
    """Every file of drafts is read again by the worker that finishes it; from Spark it has only what other records and images say of its rows.

    So no record's bytes pass through Spark. `joined` has a row per draft; what says nothing is not sent.
    """
    settings = config.model_dump_json()
    told = joined.where("kept is not null or id_conflict or seen is not null")
    marks = told.groupBy("part").agg(F.collect_list(F.struct("ordinal", "kept", "id_conflict", "seen")).alias("marks"))
    files = spark.createDataFrame([(path, Path(path).name) for path in drafts], "path string, part string")
    frame = files.join(marks, on="part", how="left").select("path", "marks").repartition(max(1, len(drafts)))

    def make() -> Step:
        flow = flow_of(settings)
        return lambda rows: (placed(outcome, run.batch, run.run_id, flow.config.split) for row in rows for outcome in _outcomes_of_file(row, flow))

    return Work(frame, make)


def _outcomes_of_file(row: Row, flow: Flow) -> Iterator[Outcome]:
    marks = {mark["ordinal"]: mark for mark in row["marks"] or ()}
    ordinal = 0
    with pq.ParquetFile(row["path"]) as file:
        for batch in file.iter_batches(batch_size=DRAFT_ROWS, columns=["record_id", "origin", "raw", "draft", "findings"]):
            for draft in batch.to_pylist():
                yield from outcomes_of(draft, marks.get(ordinal, NOTHING), flow)
                ordinal += 1


def outcomes_of(row: Row, mark: Row, flow: Flow) -> Iterator[Outcome]:
    raw = RawRecord(Origin(**row["origin"]), row["record_id"], row["raw"])
    if mark["kept"] is not None:
        yield duplicate_row(raw, mark["kept"]["path"], mark["kept"]["line"])
    elif row["draft"] is None:
        yield Quarantined(raw, tuple(Finding(**finding) for finding in row["findings"]))
    else:
        seen = {image["key"]: _seen(image) for image in mark["seen"] or ()}
        yield from finish(raw, draft_from_bytes(row["draft"]), seen, flow, mark["id_conflict"])


def _seen(row: Row) -> SeenImage:
    return seen_from(row, tuple(Finding(**finding) for finding in row["findings"]))
