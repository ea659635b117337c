"""The report of a run, from what it staged: a few rows are collected, everything else is counted where it stands."""

from __future__ import annotations

from collections.abc import Iterator

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from pipelines.images.bytes_of import image_bytes
from pipelines.manifest import Json
from pipelines.report import Card, card_of, render_report, report_data
from pipelines.report.model import EXAMPLES
from pipelines.schema import Row
from pipelines.spark.audit import Staged, length_counts
from pipelines.spark.stage import Run

CARDS = 2  # per dialect
SHOWN = ["origin", "findings"]


def report_of(run: Run, staged: Staged, manifest: Json) -> str:
    """The text of report.html."""
    return render_report(report_data(manifest, _examples(staged), length_counts(staged), _image_sizes(staged), list(_cards(run, staged))))


def _examples(staged: Staged) -> dict[str, list[Row]]:
    """Reason code -> the first rows by place."""
    quarantined = staged.quarantine.select(F.col("reason").alias("code"), *SHOWN, "raw")
    nothing = F.lit(None).cast("binary").alias("raw")
    repaired = staged.conversations.select(F.explode("repairs").alias("code"), *SHOWN, nothing)
    by_dialect = staged.samples.select(F.explode("repairs").alias("code"), *SHOWN, nothing)
    examples: dict[str, list[Row]] = {}
    for row in _first(quarantined.unionByName(repaired).unionByName(by_dialect), EXAMPLES, "code", "origin.path", "origin.line").collect():
        examples.setdefault(row["code"], []).append(row.asDict(recursive=True))
    return examples


def _image_sizes(staged: Staged) -> list[Row]:
    """Distinct images by size and format, the most frequent first."""
    images = staged.conversations.select(F.explode("images").alias("image")).select("image.uri", "image.width", "image.height", "image.format").distinct()
    counted = images.groupBy("width", "height", "format").count().orderBy(F.desc("count"), "width", "height", "format")
    return [row.asDict() for row in counted.limit(200).collect()]


def _cards(run: Run, staged: Staged) -> Iterator[Card]:
    """Per dialect the first rows by id; those with a sliced image before others."""
    dialects = {dialect.name: dialect for dialect in run.flow.dialects}
    plain = staged.samples.withColumn("plain", ~F.exists("images", lambda image: image["grid"].isNotNull()))
    for row in _first(plain, CARDS, "dialect", "plain", "sample_id").orderBy("dialect", "sample_id").collect():
        vocabulary = dialects[row["dialect"]].vocabulary
        yield card_of(row.asDict(recursive=True), vocabulary.pieces, vocabulary.specials, lambda uri: image_bytes(uri, run.config))


def _first(rows: DataFrame, most: int, group: str, *order: str) -> DataFrame:
    """At most so many rows of each group."""
    numbered = rows.withColumn("place", F.row_number().over(Window.partitionBy(group).orderBy(*order)))
    return numbered.where(F.col("place") <= most).drop("place")
