"""Input files -> splits -> drafts. Every record is read once, as its exact bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial

import pyarrow as pa
from pyspark.sql import SparkSession

from pipelines.config import Config
from pipelines.containers import LineSplit, read_records, read_split, survey_file
from pipelines.containers.listing import InputFile
from pipelines.flow import Flow, draft_of
from pipelines.ledger.unread_keys import shown_key
from pipelines.records import Draft, RawRecord
from pipelines.spark.plans.bridge import MapRows, Work, distribute, flow_opener, map_records
from pipelines.spark.session.startup import in_background
from pipelines.storage.stores import Stores
from pipelines.tables.schema import FINDINGS, ORIGIN, UNREAD, Row, draft_to_bytes, long, struct, text
from pipelines.tables.writing import Placed

SPLIT_BYTES = 64 << 20
DRIVER_BYTES = 256 << 20

SPLITS = struct(source=text, path=text, size=long, modified=long, sha256=text, start=long, end=long, first_line=long, columns=text, version=text, records=text)
REFS = pa.list_(struct(key=text, ref=text))
DRAFTS = struct(
    record_id=text,
    origin=ORIGIN,
    raw=pa.binary(),
    draft=pa.binary(),  # null where the record is quarantined; `findings` then says why
    findings=FINDINGS,
    logged_id=text,
    episode_id=text,
    refs=REFS,
    unread=UNREAD,
)


def survey_files(spark: SparkSession, files: Sequence[InputFile], stores: Stores) -> list[Row]:
    """The hash and the splits of every file, from one pass over its bytes. Only a large plain JSON Lines file has several splits.

    The driver hashes a small batch faster than Spark can start a task. An object with a version is read only if it is large enough to be split.
    """
    survey = partial(_survey, stores=stores)
    sizes = [0 if file.version and file.size <= SPLIT_BYTES else file.size for file in files]
    if sum(sizes) <= DRIVER_BYTES:
        return list(survey(asdict(file) for file in files))
    work = distribute(spark, [asdict(file) for file in files], _tasks(spark, sizes), lambda: survey)
    return [row.asDict() for row in map_records(*work, SPLITS).collect()]


def read_drafts(spark: SparkSession, splits: Sequence[Row], flow: Flow) -> Work:
    """The work of making DRAFTS: one row per record, or per damaged file (line 0)."""
    sizes = [row["size"] if row["end"] < 0 else row["end"] - row["start"] for row in splits]
    return distribute(spark, splits, _tasks(spark, sizes), drafting(flow, _records))


def drafting(flow: Flow, records: Callable[[Row, Config], Iterable[RawRecord]]) -> Callable[[], MapRows]:
    """Makes rows of DRAFTS from the records of each input row.

    A worker that has finished opens the tokenizers, which it needs next, while Spark plans the next step.
    """
    open_flow = flow_opener(flow)

    def make() -> MapRows:
        flow = open_flow()

        def map_rows(rows: Iterator[Row]) -> Iterator[Placed]:
            for row in rows:
                for raw in records(row, flow.config):
                    yield "drafts", "", draft_row(raw, flow.config), 3 * len(raw.raw)
            in_background(flow.load_tokenizers)

        return map_rows

    return make


def _tasks(spark: SparkSession, sizes: Sequence[int]) -> int:
    """As many tasks as Spark makes after a shuffle; more where a task would have to read more than SPLIT_BYTES."""
    return max(int(spark.conf.get("spark.sql.shuffle.partitions") or 1), sum(sizes) // SPLIT_BYTES)


def _survey(rows: Iterable[Row], stores: Stores) -> Iterator[Row]:
    for row in rows:
        file = InputFile(**row)
        survey = survey_file(file, SPLIT_BYTES, stores)
        for split, first_line in survey.splits:
            yield row | {"sha256": survey.sha256, "start": split.start, "end": split.end, "first_line": first_line}


def _records(row: Row, config: Config) -> Iterator[RawRecord]:
    file = InputFile(row["source"], row["path"], row["size"], row["modified"], row["columns"], row["version"], row["records"])
    if row["end"] < 0:
        return read_records(file, config.limits, config.stores)
    return read_split(file, LineSplit(row["path"], row["start"], row["end"]), row["first_line"], config.limits, config.stores)


def draft_row(raw: RawRecord, config: Config) -> Row:
    draft = draft_of(raw, config)
    unread = [{"key": shown_key(key), "count": count} for key, count in draft.unread]
    row = {"record_id": raw.record_id, "origin": raw.origin, "raw": raw.raw, "unread": unread}
    if not isinstance(draft, Draft):
        return row | {"draft": None, "findings": draft.findings, "logged_id": None, "episode_id": None, "refs": ()}
    return row | {"draft": draft_to_bytes(draft), "findings": None, "logged_id": draft.logged_id, "episode_id": draft.episode_id, "refs": draft.refs}
