"""`pipelines/episodes/fold.py` as a query: which record of a batch trains which answer.

Only hashes and numbers pass through Spark. A million records may begin alike: the best of equal answers is found by a sum of minima, and joined
to all of them row by row, so no task holds them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import pyarrow as pa
from msgspec.structs import replace
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from pipelines.config import Config
from pipelines.episodes.answers import Answer, answers_in, answers_of, with_images
from pipelines.episodes.fold import Cumulative, Folded
from pipelines.episodes.fold import fold as decide
from pipelines.flow import draft_of
from pipelines.images.references import ImageChecker
from pipelines.reasons import Reason
from pipelines.records import Draft, Held, Message, Quarantined, RawRecord
from pipelines.spark.plans.bridge import (
    DRIVER_ROWS,
    FILE,
    ORDINAL,
    Job,
    MapRows,
    Work,
    config_of,
    file_batches,
    map_records,
    read_files,
    read_paths,
    write_files,
)
from pipelines.tables.schema import MESSAGES, ORIGIN, Row, integer, long, struct, text

ANSWER = struct(
    first=integer,
    last=integer,
    chain=pa.binary(),
    before=pa.binary(),
    own=pa.binary(),
    is_newest=pa.bool_(),
    has_episode=pa.bool_(),
    reasoning=long,
    images=integer,
    size=long,
    is_withheld=pa.bool_(),
)
CUMULATIVE = struct(messages=integer, answers=pa.list_(ANSWER))  # of a draft whose source has `fold`
PLACE = ["path", "line", "record_id"]
# The file and row of a draft, under names that these rows keep when they are read from a file themselves.
OF_FILE, OF_ROW = "of_file", "of_row"
# One row per answer; of a published record without OF_FILE and OF_ROW.
ROWS = struct(
    **{OF_FILE: text, OF_ROW: long, "path": text, "line": long, "record_id": text, "messages": integer}, **{field.name: field.type for field in ANSWER}
)
HELD = struct(path=text, line=long, record_id=text)
FOLDED = struct(**{OF_FILE: text, OF_ROW: long}, trains=long, masked=pa.list_(integer), held=HELD, withheld=pa.list_(integer), withheld_by=HELD)
PUBLISHED = struct(record_id=text, episode_id=text, origin=ORIGIN, messages=MESSAGES, tools=text, images=pa.list_(struct(sha256=text)), repairs=pa.list_(text))


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
    places = ((file, ordinal, folded.get(place)) for place, _, file, ordinal in answers if file is not None)
    return [{OF_FILE: file, OF_ROW: ordinal} | _folded_row(one) for file, ordinal, one in places if one is not None]


def folded_of(row: Row) -> Folded:
    """What a row of FOLDED says."""
    held, withheld_by = (Held(**row[name]) if row[name] else None for name in ("held", "withheld_by"))
    return Folded(row["trains"], tuple(row["masked"]), held, tuple(row["withheld"]), withheld_by)


def _folded_row(folded: Folded) -> Row:
    row = folded._asdict() | {"masked": list(folded.masked), "withheld": list(folded.withheld)}
    return row | {name: row[name] and dict(zip(PLACE, row[name], strict=False)) for name in ("held", "withheld_by")}


def answer_rows(drafts: DataFrame, seen: DataFrame | None) -> DataFrame:
    """ROWS of the drafts that have `cumulative`, but for those whose images are refused: they will be quarantined, and hold nothing for others. A duplicate
    holds nothing either, but what it withholds counts: the record that is kept may be in another batch.

    `drafts` have FILE, ORDINAL, `origin`, `record_id`, `source`, `key` (of their image references, in order), `cumulative` and `is_duplicate`.
    """
    wanted = drafts.where("cumulative is not null").select(FILE, ORDINAL, "origin", "record_id", "source", "key", "cumulative", "is_duplicate")
    if seen is None:
        wanted = wanted.withColumn("sha256s", F.array().cast("array<string>"))
    else:
        image = seen.select("source", "key", F.col("seen.sha256"), (F.col("seen.verdict") == "good").alias("is_good"))
        named = wanted.select(FILE, ORDINAL, "source", F.posexplode("key").alias("at", "key")).join(image, on=["source", "key"], how="left")
        sorted_hashes = F.transform(F.sort_array(F.collect_list(F.struct("at", "sha256"))), lambda one: one["sha256"])
        of_record = named.groupBy(FILE, ORDINAL).agg(sorted_hashes.alias("sha256s"), F.min(F.coalesce("is_good", F.lit(False))).alias("are_good"))
        wanted = wanted.join(of_record, on=[FILE, ORDINAL], how="left").where("are_good is null or are_good")
    return map_records(wanted.select(FILE, ORDINAL, "origin", "record_id", "cumulative", "sha256s", "is_duplicate"), _draft_rows, ROWS)


def published_rows(conversations: DataFrame) -> DataFrame:
    """ROWS of published conversations (PUBLISHED), without `file`."""
    return map_records(conversations, _published_rows, ROWS)


def withheld_rows(records: DataFrame, config: Config, read: Callable[[Row, Config], Iterable[RawRecord]]) -> DataFrame:
    """ROWS of the answers that these quarantined records withhold, without `file`. `read` makes the raw records of a row."""
    settings = config.model_dump_json()

    def make() -> MapRows:
        own = config_of(settings)
        checker = ImageChecker(own)
        return lambda rows: (answer for row in rows for raw in read(row, own) for answer in _withheld_rows(draft_of(raw, own), checker))

    return map_records(records, make, ROWS)


def _withheld_rows(draft: Draft | Quarantined, checker: ImageChecker) -> Iterator[Row]:
    answers = [answer for answer in answers_of(draft) if answer.is_withheld] if isinstance(draft, Draft) else []
    images = [checker.check(ref, draft.origin.source).image for ref in draft.refs] if isinstance(draft, Draft) and answers else []
    if isinstance(draft, Draft) and None not in images:
        place = {"path": draft.origin.path, "line": draft.origin.line, "record_id": draft.record_id, "messages": len(draft.messages)}
        for answer in with_images(answers, [image.sha256 for image in images if image]):
            yield {OF_FILE: None, OF_ROW: None} | place | answer._asdict()


def fold(rows: DataFrame) -> DataFrame:
    """The same as a query."""
    answers = _with_best(rows)
    moved = answers.join(_moved(answers), on="chain", how="left").withColumn("withholder", F.coalesce("withheld_by", _when_withheld(True)))
    held = F.coalesce(_when_withheld(False), "best_place")
    is_withheld = F.col("withholder").isNotNull()
    is_elsewhere = ~is_withheld & (F.col("moved").isNotNull() | F.coalesce(F.col("best_place") != F.col("place"), F.lit(False)))
    of_record = moved.where(F.col(OF_FILE).isNotNull() & ~F.col("is_withheld")).groupBy(OF_FILE, OF_ROW)
    return of_record.agg(
        F.count_if(~is_withheld & ~is_elsewhere).alias("trains"),
        _messages_where(is_elsewhere).alias("masked"),
        _last_place(is_elsewhere & (held != F.col("place")), held).alias("held"),
        _messages_where(is_withheld).alias("withheld"),
        _last_place(is_withheld, F.col("withholder")).alias("withheld_by"),
    )


def _when_withheld(is_so: bool) -> Column:
    return F.when(F.col("moved.is_withheld") == is_so, F.col("moved.place"))


def _messages_where(condition: Column) -> Column:
    ranges = F.sort_array(F.collect_list(F.when(condition, F.struct("first", "last"))))
    return F.flatten(F.transform(ranges, lambda one: F.sequence(one["first"], one["last"])))


def _last_place(condition: Column, place: Column) -> Column:
    """Of the last answer for which the condition holds."""
    return F.max(F.when(condition, F.struct("first", place.alias("place"))))["place"]


def _with_best(rows: DataFrame) -> DataFrame:
    """The rows with the best answer that has their chain, whether it is given, which record withholds it, and how often the record has their text so far."""
    place = F.struct(*PLACE)
    worse = (-F.col(name) for name in ("reasoning", "images", "size", "messages"))
    rank = F.struct(F.col(OF_FILE).isNotNull().alias("is_draft"), *(column.alias(f"worse_{i}") for i, column in enumerate(worse)), place.alias("place"))
    rows = _with_withholders(rows, place)
    least = F.min(F.when(F.col("withheld_by").isNull(), rank)).alias("best")
    best = rows.groupBy("chain").agg(least, F.max(_is_given()).alias("is_given"))
    same_text = Window.partitionBy(*PLACE, "own")
    return (
        rows.join(best, on="chain", how="inner")
        .withColumn("place", place)
        .withColumn("is_given", F.col("is_given") | F.col("withheld_by").isNotNull())
        .withColumn("best_place", F.col("best.place"))
        .withColumn("given_here", F.count_if(F.col("is_given")).over(same_text))
        .withColumn("history_here", F.count_if(~F.col("is_given")).over(same_text.orderBy("first")))
    )


def _is_given() -> Column:
    return F.col("is_newest") | F.col(OF_FILE).isNull()


def _with_withholders(rows: DataFrame, place: Column) -> DataFrame:
    """The rows with `withheld_by`: a record of the same episode that withholds the answer, or one of any episode, if none gives it as a good one, or one that
    withholds another answer in the same context, if none has given this one there."""
    chains = rows.where("is_withheld").select("chain").distinct()
    marked = rows.join(chains, on="chain", how="left_semi").groupBy("chain", "own")
    by_text = marked.agg(F.min(F.when(F.col("is_withheld"), place)).alias("text_by"), F.max(_is_given() & ~F.col("is_withheld")).alias("gives"))
    is_good = F.max(F.col("gives") & F.col("text_by").isNull()).alias("is_good")
    by_chain = by_text.groupBy("chain").agg(F.min("text_by").alias("chain_by"), is_good).where("not is_good").drop("is_good")
    contexts = rows.where("is_withheld").groupBy("before").agg(F.min(place).alias("context_by"))
    in_contexts = rows.join(contexts, on="before", how="inner").groupBy("chain", "before")
    gives = F.max(_is_given() & ~F.col("is_withheld")).alias("gives")
    by_context = in_contexts.agg(F.min("context_by").alias("context_by"), gives).where("not gives").drop("gives")
    rows = rows.join(by_text.drop("gives"), on=["chain", "own"], how="left").join(by_chain, on="chain", how="left")
    rows = rows.join(by_context, on=["chain", "before"], how="left")
    return rows.withColumn("withheld_by", F.coalesce("text_by", "chain_by", "context_by")).drop("text_by", "chain_by", "context_by")


def _moved(answers: DataFrame) -> DataFrame:
    """The chains of rewritten histories, and `moved`: the place that trains their text, or the one that withholds it, if none trains it."""
    place = F.when(F.col("withheld_by").isNull(), F.col("best_place"))
    places = (F.min(place).alias("first_place"), F.max(place).alias("last_place"), F.min("withheld_by").alias("withheld_place"))
    given = answers.where("is_given").groupBy("own").agg(F.count_distinct("chain").alias("given"), *places)
    excess = F.col("history_here") - (F.coalesce("given", F.lit(0)) - F.col("given_here"))
    history = answers.where("not is_given").join(given, on="own", how="left").withColumn("excess", excess)
    history = history.groupBy("chain", "own", "best", "has_episode", "first_place", "last_place", "withheld_place").agg(F.max("excess").alias("excess"))
    is_needed = (F.col("excess") > 0) & F.col("has_episode")
    history = history.withColumn("episodes", F.count_if(is_needed).over(Window.partitionBy("chain")))
    order = F.struct((-F.col("episodes")).alias("fewer"), F.col("best").alias("best"), "chain")
    least = history.where(is_needed).groupBy("own", "excess").agg(F.min(order).alias("least"))
    history = history.join(least, on=["own", "excess"], how="left")
    stays = (F.col("excess") > 0) & (~F.col("has_episode") | (F.col("least.chain") == F.col("chain")))
    held = F.when(F.col("excess") > 0, F.col("least.best.place")).otherwise(_another_place())
    other = F.struct(held.isNull().alias("is_withheld"), F.coalesce(held, "withheld_place").alias("place"))
    moved = history.groupBy("chain").agg(F.max(F.coalesce(stays, F.lit(False))).alias("stays"), F.min(F.when(~stays, other)).alias("moved"))
    return moved.where("not stays").drop("stays")


def _another_place() -> Column:
    return F.when(F.col("first_place") == F.col("best.place"), F.col("last_place")).otherwise(F.col("first_place"))


def _draft_rows() -> MapRows:
    def rows_of(drafts: Iterator[Row]) -> Iterator[Row]:
        for draft in drafts:
            given = draft["cumulative"]
            place = {name: draft["origin"][name] for name in ("path", "line")} | {"record_id": draft["record_id"], "messages": given["messages"]}
            for answer in with_images([Answer(**one) for one in given["answers"]], draft["sha256s"] or ()):
                if answer.is_withheld or not draft["is_duplicate"]:
                    yield {OF_FILE: draft[FILE], OF_ROW: draft[ORDINAL]} | place | answer._asdict()

    return rows_of


def _published_rows() -> MapRows:
    def rows_of(conversations: Iterator[Row]) -> Iterator[Row]:
        for row in conversations:
            messages = [Message(one["role"], one["content"], one["metadata"], tuple(one["image_at"]), one["loss_weight"]) for one in row["messages"]]
            messages = _with_withheld(messages, frozenset(row["repairs"]))
            episode = row["episode_id"] if row["episode_id"] != row["record_id"] else None
            found = answers_in(row["origin"]["source"], episode, row["tools"], messages)
            place = {name: row["origin"][name] for name in ("path", "line")} | {"record_id": row["record_id"], "messages": len(messages)}
            for answer in with_images(found, [image["sha256"] for image in row["images"]]):
                yield {OF_FILE: None, OF_ROW: None} | place | answer._asdict()

    return rows_of


def _with_withheld(messages: Sequence[Message], repairs: frozenset[str]) -> list[Message]:
    """Published messages, of which those of the last answer are withheld if they are not trained. But a weight of 0 may also say that another record trains
    the answer, which may be refused by now; then only a check that masked an answer says that this one is not to be trained."""
    marked = list(messages)
    if Reason.REPAIR_ANSWER_TRAINED_ELSEWHERE.code in repairs and Reason.REPAIR_STEP_MASKED.code not in repairs:
        return marked
    end = next((i for i in range(len(marked), 0, -1) if marked[i - 1].role != "observation"), 0)
    for i in range(end - 1, -1, -1):
        if marked[i].role != "assistant" or marked[i].loss_weight != 0:
            break
        marked[i] = replace(marked[i], is_withheld=True)
    return marked
