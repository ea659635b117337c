"""What a draft cannot know by itself: its images, and what other records decide about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_type

from pipelines.episodes.fold import Folded, folded_context
from pipelines.flow import ALONE
from pipelines.records import Held, RawRecord, RecordContext
from pipelines.spark.plans.bridge import DRIVER_ROWS, FILE, ORDINAL, Job, file_batches
from pipelines.spark.plans.fold import CUMULATIVE, OF_FILE, OF_ROW, answer_rows, folded_drafts, folded_of
from pipelines.spark.plans.images import SEEN
from pipelines.storage.stores import Stores
from pipelines.tables.schema import Row, long, struct, text
from pipelines.tables.writing import FileSet

# The columns of drafts that their context is made from.
PLACED = struct(
    record_id=text,
    origin=struct(source=text, path=text, line=long),
    logged_id=text,
    refs=pa.list_(struct(key=text)),
    cumulative=CUMULATIVE,
    **{FILE: text, ORDINAL: long},
)
KNOWN = ("kept", "folded", "id_conflict")  # what a context says about a record, beside its images
HELD = "struct<path: string, line: bigint, record_id: string>"
FOLDED = f"struct<trains: bigint, masked: array<int>, held: {HELD}, withheld: array<int>, withheld_by: {HELD}>"  # without FILE and ORDINAL


class Outside(NamedTuple):
    """What is known beside the drafts, each None where there is nothing."""

    seen: DataFrame | None = None  # the image of each reference
    clashing: DataFrame | None = None  # record_id of each record with a known id conflict
    published: DataFrame | None = None  # record_id, batch, path and line of each record that another batch has published
    answers: DataFrame | None = None  # those that other records of this batch train or withhold, whose rows stay as they are


def draft_context(job: Job, drafts: DataFrame, outside: Outside, is_folded: bool = False) -> DataFrame:
    """What a draft cannot know by itself, by its file and row: one row per image, or one per record without images that has any of the other columns.

    `kept` is the place of the record with the same bytes that another batch has published, or else of the first one of the batch, null in that record
    itself. `folded` is what `fold` decides about a record of a cumulative log. `id_conflict` is true where the id also belongs to other content, in these drafts or according to `clashing`.
    """
    place, is_record = F.struct(F.col("origin.path").alias("path"), F.col("origin.line").alias("line")), F.col("origin.line") > 0
    first = F.min(F.when(is_record, place)).over(Window.partitionBy("record_id"))
    columns = ("record_id", "origin", "logged_id", "refs.key", F.col("origin.source").alias("source"), "cumulative", FILE, ORDINAL)
    marked = drafts.select(*columns)
    if outside.published is None:
        kept = first.withField("batch", F.lit(None).cast("string"))
        marked = marked.withColumn("kept", F.when(is_record & (first != place), kept))
    else:
        there = outside.published.select("record_id", F.struct("path", "line", "batch").alias("there"))
        marked = marked.join(there, on="record_id", how="left")
        kept = F.when(first != place, first.withField("batch", F.lit(None).cast("string")))
        marked = marked.withColumn("kept", F.when(is_record, F.coalesce("there", kept)))
    marked = _with_conflicts(_with_folded(job, marked, outside) if is_folded else marked.withColumn("folded", F.lit(None).cast(FOLDED)), outside)
    is_aside = F.col("kept").isNotNull() | F.expr("coalesce(folded.trains = 0 and folded.held is not null, false)")
    if outside.seen is None:
        context = marked.withColumn("seen", F.lit(None).cast(from_arrow_type(SEEN)))
    else:
        each = marked.withColumn("key", F.explode_outer(F.when(~is_aside, F.array_distinct("key"))))
        context = each.join(outside.seen, on=["source", "key"], how="left")
    return context.where(is_aside | F.col("id_conflict") | F.expr("seen is not null or size(folded.masked) > 0 or size(folded.withheld) > 0")).select(
        FILE, ORDINAL, *KNOWN, "seen"
    )


def _with_folded(job: Job, marked: DataFrame, outside: Outside) -> DataFrame:
    answers = answer_rows(marked.withColumn("is_duplicate", F.col("kept").isNotNull()), outside.seen)
    folded = folded_drafts(job, answers if outside.answers is None else answers.unionByName(outside.answers))
    known = folded.select(F.col(OF_FILE).alias(FILE), F.col(OF_ROW).alias(ORDINAL), F.struct(*Folded._fields).cast(FOLDED).alias("folded"))
    return marked.join(known, on=[FILE, ORDINAL], how="left")


def _with_conflicts(marked: DataFrame, outside: Outside) -> DataFrame:
    """Duplicates and superseded records are in conflict with nobody."""
    # Each record without an id is a group of its own, so that they are not all sorted in one task.
    holder = Window.partitionBy("source", F.coalesce("logged_id", F.concat(F.lit("\0"), "record_id")))
    counts = F.expr("origin.line > 0 and logged_id is not null and kept is null and (folded is null or folded.trains > 0 or folded.held is null)")
    contents = F.when(counts, F.col("record_id"))
    differ = F.min(contents).over(holder) != F.max(contents).over(holder)
    marked = marked.withColumn("id_conflict", F.coalesce(differ, F.lit(False)) & F.col("logged_id").isNotNull())
    if outside.clashing is None:
        return marked
    already = outside.clashing.select("record_id", F.lit(True).alias("already")).distinct()
    return marked.join(already, on="record_id", how="left").withColumn("id_conflict", F.col("id_conflict") | F.col("already").isNotNull())


def context_of(raw: RawRecord, rows: Sequence[Row]) -> RecordContext:
    """What these rows, which are those of one record, say about it. Only `seen` differs between them."""
    if not rows:
        return ALONE
    kept, folded, clashes = (rows[0][name] for name in KNOWN)
    if kept:
        return RecordContext(duplicate_of=Held(kept["path"], kept["line"], raw.record_id, kept["batch"]))
    if not folded:
        return RecordContext(id_conflict=clashes)
    return folded_context(folded_of(folded), clashes)


def are_all_different(drafts: FileSet, stores: Stores) -> bool:
    """Whether no two records have the same bytes or, within a source, the same id.

    The driver answers this for a small batch faster than Spark can plan the query. For a large batch it returns False, and Spark decides.
    """
    if sum(file.rows for file in drafts.files) > DRIVER_ROWS:
        return False
    kind = struct(record_id=text, origin=struct(source=text), logged_id=text)
    batches = [batch for path, _ in drafts.of("drafts") for batch in file_batches(path, {}, kind, stores)]
    if not batches:
        return True
    rows = pa.Table.from_batches(batches)
    named = pa.table({"source": pc.struct_field(rows["origin"], "source"), "logged_id": rows["logged_id"]}).filter(pc.is_valid(rows["logged_id"]))
    distinct = named.group_by(named.column_names).aggregate([])
    return len(distinct) == len(named) and pc.count_distinct(rows["record_id"]).as_py() == len(rows)
