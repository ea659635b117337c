"""Input files -> splits -> drafts: every record read once, as its exact bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from pipelines.config import Config
from pipelines.containers import LineSplit, read_records, read_split, survey_file
from pipelines.containers.listing import InputFile
from pipelines.flow import draft_of
from pipelines.records import Draft, RawRecord
from pipelines.schema import FINDINGS, ORIGIN, Row, draft_to_bytes, integer, long, struct, text
from pipelines.spark.bridge import Step, config_of, map_records

SPLIT_BYTES = 64 << 20
DRIVER_BYTES = 256 << 20

FILES = struct(source=text, path=text, size=long, modified=long)
SPLITS = struct(source=text, path=text, size=long, modified=long, sha256=text, start=long, end=long, first_line=long)
REFS = pa.list_(struct(key=text, ref=text))
DRAFTS = struct(
    record_id=text,
    origin=ORIGIN,
    raw=pa.binary(),
    draft=pa.binary(),  # null where the record is kept aside, and then `findings` says why
    findings=FINDINGS,
    logged_id=text,
    episode_id=text,
    refs=REFS,
)


def survey_files(spark: SparkSession, files: Sequence[InputFile]) -> list[Row]:
    """Every file's hash and the splits it is read in; a large plain JSON Lines file has several. One cheap pass over the bytes.

    The driver hashes a small night faster by itself than a task of Spark begins.
    """
    if sum(file.size for file in files) <= DRIVER_BYTES:
        return list(_survey(asdict(file) for file in files))
    frame = _frame(spark, [asdict(file) for file in files], FILES, tasks=len(files))
    return [row.asDict() for row in map_records(frame, lambda: _survey, SPLITS).collect()]


def read_drafts(spark: SparkSession, splits: Sequence[Row], config: Config) -> DataFrame:
    """One row per record, or per damaged file (line 0)."""
    settings = config.model_dump_json()

    def make() -> Step:
        own = config_of(settings)
        return lambda rows: (draft_row(raw, own) for row in rows for raw in _records(row, own))

    return map_records(_frame(spark, list(splits), SPLITS, tasks=len(splits)), make, DRAFTS)


def _survey(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        file = InputFile(**row)
        survey = survey_file(file, SPLIT_BYTES)
        for split, first_line in survey.splits:
            yield row | {"sha256": survey.sha256, "start": split.start, "end": split.end, "first_line": first_line}


def _records(row: Row, config: Config) -> Iterator[RawRecord]:
    file = InputFile(row["source"], row["path"], row["size"], row["modified"])
    if row["end"] < 0:
        return read_records(file, config.limits)
    return read_split(file, LineSplit(row["path"], row["start"], row["end"]), row["first_line"], config.limits)


def draft_row(raw: RawRecord, config: Config) -> Row:
    draft = draft_of(raw, config)
    is_draft = isinstance(draft, Draft)
    return {
        "record_id": raw.record_id,
        "origin": raw.origin._asdict(),
        "raw": raw.raw,
        "draft": draft_to_bytes(draft) if isinstance(draft, Draft) else None,
        "findings": None if isinstance(draft, Draft) else [finding._asdict() for finding in draft.findings],
        "logged_id": draft.logged_id if isinstance(draft, Draft) else None,
        "episode_id": draft.episode_id if is_draft else None,
        "refs": [{"key": ref.key, "ref": ref.ref} for ref in draft.refs] if isinstance(draft, Draft) else [],
    }


def _frame(spark: SparkSession, rows: list[Row], kind: pa.StructType, tasks: int) -> DataFrame:
    """A small driver-side list as a frame of at most 64 tasks, neighbours together."""
    numbered = struct(**{field.name: field.type for field in kind}, task=integer)
    tasks = max(1, min(tasks, 64))
    table = pa.Table.from_pylist([row | {"task": i * tasks // len(rows)} for i, row in enumerate(rows)], schema=pa.schema(list(numbered)))
    return spark.createDataFrame(table).repartitionByRange(tasks, "task").drop("task")
