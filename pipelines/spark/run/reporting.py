"""The report of a run, from the counts and the few example rows that were read back."""

from __future__ import annotations

from collections.abc import Iterator

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.images.bytes_of import image_bytes
from pipelines.ledger.manifest import Json
from pipelines.ledger.tally import Tally, read_pick
from pipelines.report import Card, card_of, render_report, report_data
from pipelines.spark.plans.read_back import Staged
from pipelines.spark.publishing.tables import PARTITIONS
from pipelines.spark.run.staging import Run
from pipelines.tables.schema import SAMPLES, Row

SHOWN = {"conversations": ["origin", "findings"], "samples": ["origin", "findings"], "quarantine": ["origin", "findings", "raw"]}


def report_of(run: Run, staged: Staged, tally: Tally, manifest: Json) -> str:
    """The text of report.html."""
    sizes = _image_sizes(staged.frame(run.spark, "conversations")) if tally.images else []
    return render_report(report_data(manifest, _examples(tally), tally.length_counts(), sizes, list(_cards(run, tally))))


def _examples(tally: Tally) -> dict[str, list[Row]]:
    """Reason code -> its first rows, by place."""
    return {code: [read_pick(pick, SHOWN[pick.table]) for pick in picks] for code, picks in tally.examples.items()}


def _image_sizes(conversations: DataFrame) -> list[Row]:
    """The number of distinct images per size and format, the most frequent first."""
    images = conversations.select(F.explode("images").alias("image")).select("image.uri", "image.width", "image.height", "image.format").distinct()
    counted = images.groupBy("width", "height", "format").count().orderBy(F.desc("count"), "width", "height", "format")
    return [row.asDict() for row in counted.limit(200).collect()]


def _cards(run: Run, tally: Tally) -> Iterator[Card]:
    """A few rows per dialect, by id; rows with a sliced image come first."""
    for dialect in run.flow.dialects:
        for pick in tally.cards.get(dialect.name, ()):
            row = read_pick(pick, [field.name for field in SAMPLES if field.name not in PARTITIONS["samples"]])
            yield card_of(row, dialect.vocabulary.pieces, dialect.vocabulary.specials, lambda image: image_bytes(image, run.config))
