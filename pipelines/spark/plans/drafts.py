"""Input files -> splits -> drafts. Every record is read once, as its exact bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial

import pyarrow as pa
from msgspec import structs

from pipelines.config import Config
from pipelines.containers import LineSplit, read_records, read_split, survey_file
from pipelines.containers.listing import InputFile
from pipelines.episodes.answers import answers_of
from pipelines.flow import Flow, draft_of
from pipelines.images.screens import first_screen
from pipelines.ledger.unread_keys import shown_key
from pipelines.records import Draft, Finding, Origin, RawRecord
from pipelines.scrub import scrub_records
from pipelines.spark.plans.bridge import Job, MapRows, Work, config_of, distribute, file_batches, flow_opener, map_records, write_files
from pipelines.spark.plans.fold import CUMULATIVE
from pipelines.storage.stores import Stores
from pipelines.tables.schema import FINDINGS, ORIGIN, UNREAD, Row, draft_to_bytes, long, struct, text
from pipelines.tables.writing import Placed

SPLIT_BYTES = 64 << 20
CUT_BYTES = 64 << 20  # of a compressed file or an array
DRIVER_BYTES = 256 << 20

SPLITS = struct(source=text, path=text, size=long, modified=long, sha256=text, start=long, end=long, first_line=long, columns=text, version=text, records=text)
REFS = pa.list_(struct(key=text, ref=text))
RECORDS = struct(record_id=text, origin=ORIGIN, raw=pa.binary(), findings=FINDINGS)
DRAFTS = struct(
    record_id=text,
    origin=ORIGIN,
    raw=pa.binary(),
    draft=pa.binary(),  # null where the record is quarantined; `findings` then says why
    findings=FINDINGS,
    logged_id=text,
    episode_id=text,
    refs=REFS,
    screen=text,  # the key of the picture on which the episode begins; null without one, and in its later steps
    unread=UNREAD,
    step_group=text,  # of a record that is one step, refused or not: its episode, and its number there, null where it cannot be read
    step_number=long,
    cumulative=CUMULATIVE,  # null where the source has no `fold`
    step_unit=text,  # the unit that the points of an episode have by their values alone
)


def survey_files(job: Job, files: Sequence[InputFile]) -> list[Row]:
    """The hash and the splits of every file, from one pass over its bytes. Only a large plain JSON Lines file has several splits.

    The driver hashes a small batch faster than Spark can start a task. An object with a version is read only if it is large enough to be split.
    """
    survey = partial(_survey, stores=job.root.stores)
    sizes = [0 if file.version and file.size <= SPLIT_BYTES else file.size for file in files]
    if sum(sizes) <= DRIVER_BYTES:
        return list(survey(asdict(file) for file in files))
    work = distribute(job, [asdict(file) for file in files], _tasks(job, sizes), lambda: survey)
    return [row.asDict() for row in map_records(*work, SPLITS).collect()]


def read_drafts(job: Job, splits: Sequence[Row], flow: Flow) -> Work:
    """The work of making DRAFTS: one row per record, or per damaged file (line 0)."""
    splits = [*(row | {"cut": None} for row in splits if not _is_cut_first(row)), *_cut(job, [row for row in splits if _is_cut_first(row)], flow)]
    sizes = [row["size"] if row["end"] < 0 else row["end"] - row["start"] for row in splits]
    return distribute(job, splits, _tasks(job, sizes), drafting(flow, _records))


def _is_cut_first(row: Row) -> bool:
    """Whether the file is large and only one task can read it from its beginning: a compressed file, or an array."""
    return bool(row["end"] < 0 and row["size"] > CUT_BYTES)


def _cut(job: Job, rows: Sequence[Row], flow: Flow) -> list[Row]:
    """Large files that cannot be split, as files of their records: one task reads each, and many tasks then do the rest of the work."""
    if not rows:
        return []
    settings = flow.config.model_dump_json()

    def make() -> MapRows:
        config = config_of(settings)
        return lambda found: (("records", "", structs.asdict(raw), len(raw.raw) + 500) for row in found for raw in _records(row, config))

    files = write_files(job, distribute(job, [row | {"cut": None} for row in rows], len(rows), make), job.work_folder, {"records": RECORDS})
    whole = {name: rows[0][name] for name in SPLITS.names}
    return [whole | {"end": -1, "size": file.bytes, "cut": path} for path, file in files.of("records")]


def drafting(flow: Flow, records: Callable[[Row, Config], Iterable[RawRecord]]) -> Callable[[], MapRows]:
    """Makes rows of DRAFTS from the records of each input row."""
    open_flow = flow_opener(flow)

    def make() -> MapRows:
        flow = open_flow()

        def map_rows(rows: Iterator[Row]) -> Iterator[Placed]:
            for row in rows:
                for raw in records(row, flow.config):
                    yield "drafts", "", draft_row(raw, flow.config), 3 * len(raw.raw)

        return map_rows

    return make


def _tasks(job: Job, sizes: Sequence[int]) -> int:
    """As many tasks as Spark makes after a shuffle; more where a task would have to read more than SPLIT_BYTES."""
    return max(job.parallelism, sum(sizes) // SPLIT_BYTES)


def _survey(rows: Iterable[Row], stores: Stores) -> Iterator[Row]:
    for row in rows:
        file = InputFile(**row)
        survey = survey_file(file, SPLIT_BYTES, stores)
        for split, first_line in survey.splits:
            yield row | {"sha256": survey.sha256, "start": split.start, "end": split.end, "first_line": first_line}


def _records(row: Row, config: Config) -> Iterator[RawRecord]:
    if row["cut"]:
        return _cut_records(row["cut"], config)
    file = InputFile(row["source"], row["path"], row["size"], row["modified"], row["columns"], row["version"], row["records"])
    if row["end"] < 0:
        return scrub_records(read_records(file, config.limits, config.stores), config)
    split = LineSplit(row["path"], row["start"], row["end"])
    return scrub_records(read_split(file, split, row["first_line"], config.limits, config.stores), config)


def _cut_records(path: str, config: Config) -> Iterator[RawRecord]:
    for batch in file_batches(path, {}, RECORDS, config.stores):
        for record in batch.to_pylist():
            findings = tuple(Finding(**finding) for finding in record["findings"] or ())
            yield RawRecord(Origin(**record["origin"]), record["record_id"], record["raw"], findings)


def draft_row(raw: RawRecord, config: Config) -> Row:
    draft = draft_of(raw, config)
    unread = [{"key": shown_key(key), "count": count} for key, count in draft.unread]
    row: Row = {"record_id": raw.record_id, "origin": raw.origin, "raw": raw.raw, "unread": unread, "cumulative": None}
    if not isinstance(draft, Draft):
        nothing = dict.fromkeys(("draft", "logged_id", "screen", "step_group", "step_number", "step_unit"))
        step = {"step_group": draft.step.group, "step_number": draft.step.order} if draft.step else {}
        return row | nothing | step | {"findings": draft.findings, "refs": (), "episode_id": draft.episode_id}
    named = {"logged_id": draft.logged_id, "episode_id": draft.episode_id, "refs": draft.refs, "screen": first_screen(draft)}
    group = {
        "step_group": draft.episode and draft.episode.group,
        "step_number": draft.episode and draft.episode.order,
        "step_unit": draft.episode and draft.episode.vote,
    }
    if raw.origin.source in config.cumulative:
        row |= {"cumulative": {"messages": len(draft.messages), "answers": answers_of(draft)}}
    return row | {"draft": draft_to_bytes(draft), "findings": None} | named | group
