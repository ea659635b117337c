"""The report of a run, from the counts and the few example rows that were read back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.images.bytes_of import image_bytes
from pipelines.ledger.manifest import Json
from pipelines.ledger.tally import Pick, Tally, read_pick
from pipelines.report import Card, card_of, render_report, report_data
from pipelines.spark.plans.read_back import Staged
from pipelines.spark.run.staging import Run
from pipelines.storage.opening import open_file
from pipelines.tables.schema import PARTITIONS, SAMPLES, Row, integer, struct, text

SIZES = struct(images=pa.list_(struct(uri=text, format=text, width=integer, height=integer)))
SHOWN = {"conversations": ["origin", "findings"], "samples": ["origin", "findings"], "quarantine": ["origin", "findings", "raw"]}


def report_of(run: Run, staged: Staged, tally: Tally, manifest: Json) -> str:
    """The text of report.html."""
    sizes = _image_sizes(staged.frame(run.job, "conversations", SIZES)) if tally.images else []
    return render_report(report_data(manifest, _examples(run, tally), tally.length_counts(), sizes, list(_cards(run, tally))))


def _examples(run: Run, tally: Tally) -> dict[str, list[Row]]:
    """Reason code -> its first rows, by place."""
    return {code: [_read(run, pick, SHOWN[pick.table]) for pick in picks] for code, picks in tally.examples.items()}


def _image_sizes(conversations: DataFrame) -> list[Row]:
    """The number of distinct images per size and format, the most frequent first."""
    images = conversations.select(F.explode("images").alias("image")).select("image.uri", "image.width", "image.height", "image.format").distinct()
    counted = images.groupBy("width", "height", "format").count().orderBy(F.desc("count"), "width", "height", "format")
    return [row.asDict() for row in counted.limit(200).collect()]


def _cards(run: Run, tally: Tally) -> Iterator[Card]:
    """A few rows per dialect, by id; rows with a sliced image come first."""
    for dialect in run.flow.dialects:
        for pick in tally.cards.get(dialect.name, ()):
            row = _read(run, pick, [field.name for field in SAMPLES if field.name not in PARTITIONS["samples"]])
            yield card_of(row, dialect.vocabulary.pieces, dialect.vocabulary.specials, lambda image: image_bytes(image, run.config))


def _read(run: Run, pick: Pick, columns: Sequence[str]) -> Row:
    return read_pick(pick, columns, lambda path: open_file(path, run.root.stores))
