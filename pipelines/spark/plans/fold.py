"""`pipelines/episodes/fold.py` as a query: which record of a batch trains which answer.

Only hashes and numbers pass through Spark. A million records may begin alike: the best of equal answers is found by a sum of minima, and joined
to all of them row by row, so no task holds them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from pipelines.episodes.answers import Answer, answers_in, with_images
from pipelines.episodes.fold import Cumulative
from pipelines.episodes.fold import fold as decide
from pipelines.records import Held, Message
from pipelines.spark.plans.bridge import DRIVER_ROWS, FILE, ORDINAL, Job, MapRows, Work, file_batches, map_records, read_files, read_paths, write_files
from pipelines.tables.schema import MESSAGES, ORIGIN, Row, integer, long, struct, text

ANSWER = struct(
    first=integer, last=integer, chain=pa.binary(), own=pa.binary(), is_newest=pa.bool_(), has_episode=pa.bool_(), reasoning=long, images=integer, size=long
)
CUMULATIVE = struct(messages=integer, answers=pa.list_(ANSWER))  # of a draft whose source has `fold`
PLACE = ["path", "line", "record_id"]
# The file and row of a draft, under names that these rows keep when they are read from a file themselves.
OF_FILE, OF_ROW = "of_file", "of_row"
# One row per answer; of a published record without OF_FILE and OF_ROW.
ROWS = struct(
    **{OF_FILE: text, OF_ROW: long, "path": text, "line": long, "record_id": text, "messages": integer}, **{field.name: field.type for field in ANSWER}
)
FOLDED = struct(**{OF_FILE: text, OF_ROW: long}, trains=long, masked=pa.list_(integer), held=struct(path=text, line=long, record_id=text))
PUBLISHED = struct(record_id=text, episode_id=text, origin=ORIGIN, messages=MESSAGES, tools=text, images=pa.list_(struct(sha256=text)))


def folded_drafts(job: Job, answers: DataFrame) -> DataFrame:
    """FOLDED of each record that is not published, from its ROWS. The driver compares few answers faster than Spark can plan the query."""
    work = Work(answers, lambda: lambda rows: (("answers", "", row, 300) for row in rows))
    files = write_files(job, work, job.work_folder, {"answers": ROWS})
    if sum(file.rows for file in files.files) > DRIVER_ROWS:
        return fold(read_files(job, files, "answers", ROWS))
    batches = (batch for path, _ in files.of("answers") for batch in file_batches(path, {}, ROWS, job.root.stores))
    rows = fold_rows(row for batch in batches for row in batch.to_pylist())
    return read_paths(job, [{"path": job.share(rows, FOLDED).path, "values": []}] if rows else [], FOLDED)


def fold_rows(rows: Iterable[Row]) -> list[Row]:
    """The same, without Spark."""
    names = ANSWER.names
    answers: dict[tuple[Held, int, str | None, int | None], list[Answer]] = {}
    for row in rows:
        record = (Held(row["path"], row["line"], row["record_id"]), row["messages"], row[OF_FILE], row[OF_ROW])
        answers.setdefault(record, []).append(Answer(**{name: row[name] for name in names}))
    folded = decide(Cumulative(place, messages, sorted(found), file is None) for (place, messages, file, _), found in answers.items())
    places = ((file, ordinal, folded[place]) for place, _, file, ordinal in answers if file is not None)
    return [
        {OF_FILE: file, OF_ROW: ordinal, "trains": one.trains, "masked": list(one.masked), "held": one.held and dict(zip(PLACE, one.held, strict=False))}
        for file, ordinal, one in places
    ]


def answer_rows(drafts: DataFrame, seen: DataFrame | None) -> DataFrame:
    """ROWS of the drafts that have `cumulative`, but for those whose images are refused: they will be quarantined, and hold nothing for others.

    `drafts` have FILE, ORDINAL, `origin`, `record_id`, `source`, `key` (of their image references, in order) and `cumulative`.
    """
    wanted = drafts.where("cumulative is not null").select(FILE, ORDINAL, "origin", "record_id", "source", "key", "cumulative")
    if seen is None:
        wanted = wanted.withColumn("sha256s", F.array().cast("array<string>"))
    else:
        image = seen.select("source", "key", F.col("seen.sha256"), (F.col("seen.verdict") == "good").alias("is_good"))
        named = wanted.select(FILE, ORDINAL, "source", F.posexplode("key").alias("at", "key")).join(image, on=["source", "key"], how="left")
        sorted_hashes = F.transform(F.sort_array(F.collect_list(F.struct("at", "sha256"))), lambda one: one["sha256"])
        of_record = named.groupBy(FILE, ORDINAL).agg(sorted_hashes.alias("sha256s"), F.min(F.coalesce("is_good", F.lit(False))).alias("are_good"))
        wanted = wanted.join(of_record, on=[FILE, ORDINAL], how="left").where("are_good is null or are_good")
    return map_records(wanted.select(FILE, ORDINAL, "origin", "record_id", "cumulative", "sha256s"), _draft_rows, ROWS)


def published_rows(conversations: DataFrame) -> DataFrame:
    """ROWS of published conversations (PUBLISHED), without `file`."""
    return map_records(conversations, _published_rows, ROWS)


def fold(rows: DataFrame) -> DataFrame:
    """The same as a query."""
    answers = _with_best(rows)
    moved = answers.join(_moved(answers), on="chain", how="left")
    held = F.coalesce("moved_to", "best_place")
    is_elsewhere = F.col("moved_to").isNotNull() | (F.col("best_place") != F.col("place"))
    ranges = F.sort_array(F.collect_list(F.when(is_elsewhere, F.struct("first", "last"))))
    masked = F.flatten(F.transform(ranges, lambda one: F.sequence(one["first"], one["last"])))
    last_held = F.max(F.when(is_elsewhere & (held != F.col("place")), F.struct("first", held.alias("held"))))["held"]
    of_record = moved.where(F.col(OF_FILE).isNotNull()).groupBy(OF_FILE, OF_ROW)
    return of_record.agg(F.count_if(~is_elsewhere).alias("trains"), masked.alias("masked"), last_held.alias("held"))


def _with_best(rows: DataFrame) -> DataFrame:
    """The rows with the best answer that has their chain, whether it is given, and how often the record has their text so far."""
    place = F.struct(*PLACE)
    worse = (-F.col(name) for name in ("reasoning", "images", "size", "messages"))
    rank = F.struct(F.col(OF_FILE).isNotNull().alias("is_draft"), *(column.alias(f"worse_{i}") for i, column in enumerate(worse)), place.alias("place"))
    best = rows.groupBy("chain").agg(F.min(rank).alias("best"), F.max(F.col("is_newest") | F.col(OF_FILE).isNull()).alias("is_given"))
    same_text = Window.partitionBy(*PLACE, "own")
    return (
        rows.join(best, on="chain", how="inner")
        .withColumn("place", place)
        .withColumn("best_place", F.col("best.place"))
        .withColumn("given_here", F.count_if(F.col("is_given")).over(same_text))
        .withColumn("history_here", F.count_if(~F.col("is_given")).over(same_text.orderBy("first")))
    )


def _moved(answers: DataFrame) -> DataFrame:
    """The chains of rewritten histories, and the place `moved_to` that trains their text."""
    places = (F.min("best_place").alias("first_place"), F.max("best_place").alias("last_place"))
    given = answers.where("is_given").groupBy("own").agg(F.count_distinct("chain").alias("given"), *places)
    excess = F.col("history_here") - (F.coalesce("given", F.lit(0)) - F.col("given_here"))
    history = answers.where("not is_given").join(given, on="own", how="left").withColumn("excess", excess)
    history = history.groupBy("chain", "own", "best", "has_episode", "first_place", "last_place").agg(F.max("excess").alias("excess"))
    is_needed = (F.col("excess") > 0) & F.col("has_episode")
    history = history.withColumn("episodes", F.count_if(is_needed).over(Window.partitionBy("chain")))
    order = F.struct((-F.col("episodes")).alias("fewer"), F.col("best").alias("best"), "chain")
    least = history.where(is_needed).groupBy("own", "excess").agg(F.min(order).alias("least"))
    history = history.join(least, on=["own", "excess"], how="left")
    stays = (F.col("excess") > 0) & (~F.col("has_episode") | (F.col("least.chain") == F.col("chain")))
    held = F.when(F.col("excess") > 0, F.col("least.best.place")).otherwise(_another_place())
    moved = history.groupBy("chain").agg(F.max(F.coalesce(stays, F.lit(False))).alias("stays"), F.min(F.when(~stays, held)).alias("moved_to"))
    return moved.where("not stays").drop("stays")


def _another_place() -> Column:
    return F.when(F.col("first_place") == F.col("best.place"), F.col("last_place")).otherwise(F.col("first_place"))


def _draft_rows() -> MapRows:
    def rows_of(drafts: Iterator[Row]) -> Iterator[Row]:
        for draft in drafts:
            given = draft["cumulative"]
            place = {name: draft["origin"][name] for name in ("path", "line")} | {"record_id": draft["record_id"], "messages": given["messages"]}
            for answer in with_images([Answer(**one) for one in given["answers"]], draft["sha256s"] or ()):
                yield {OF_FILE: draft[FILE], OF_ROW: draft[ORDINAL]} | place | answer._asdict()

    return rows_of


def _published_rows() -> MapRows:
    def rows_of(conversations: Iterator[Row]) -> Iterator[Row]:
        for row in conversations:
            messages = [Message(one["role"], one["content"], one["metadata"], tuple(one["image_at"]), one["loss_weight"]) for one in row["messages"]]
            episode = row["episode_id"] if row["episode_id"] != row["record_id"] else None
            found = answers_in(row["origin"]["source"], episode, row["tools"], messages)
            place = {name: row["origin"][name] for name in ("path", "line")} | {"record_id": row["record_id"], "messages": len(messages)}
            for answer in with_images(found, [image["sha256"] for image in row["images"]]):
                yield {OF_FILE: None, OF_ROW: None} | place | answer._asdict()

    return rows_of
