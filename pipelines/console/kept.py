"""What `episodes check` says about `keep_if` and `keep`: how many of the first records are kept, and which of the fields none of them has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice

import orjson

from pipelines.config import Config, Limits, Output, Source
from pipelines.containers import read_records
from pipelines.containers.listing import InputFile
from pipelines.flow import draft_of
from pipelines.ledger.filtered import FILTERED, absent_fields, is_judged
from pipelines.records import Draft
from pipelines.storage.stores import Stores
from pipelines.visible import counted

MOST = 1000  # records that are looked at


def kept_remarks(source: Source, files: Sequence[InputFile], stores: Stores) -> Iterator[str]:
    """A sentence about the first records of these files, and one for each field of `keep_if` and `keep` that none of them has."""
    if not (source.keep_if or source.keep) or not files:
        return
    config = Config(sources=(source,), output=Output(root="out"))
    judged = kept = read = 0
    absent: Counter[str] = Counter()
    extra: Counter[str] = Counter()  # the fields in column `extra`
    seen: set[str] = set()
    for raw in islice(chain.from_iterable(read_records(file, Limits(), stores) for file in files), MOST):
        if raw.record_id in seen:  # a duplicate, to which a run does not apply keep_if
            continue
        seen.add(raw.record_id)
        made = draft_of(raw, config)
        if isinstance(made, Draft) or is_judged(made.findings[0].code):
            judged += 1
            kept += isinstance(made, Draft) or made.findings[0].code != FILTERED
            absent.update(() if isinstance(made, Draft) else absent_fields(made.findings))
        if isinstance(made, Draft):
            read += 1
            extra.update(orjson.loads(made.extra or "{}").keys())
    if source.keep_if:
        yield f"source {source.name}: keep_if keeps {kept:,} of the first {counted(judged, 'record')}"
    for field in source.keep_if:
        if judged and absent[field] == judged:
            yield f"source {source.name}: keep_if: none of the first {counted(judged, 'record')} has the field {field}"
    for field in source.keep:
        if read and not extra[field.partition("|")[0].strip()]:
            yield f"source {source.name}: keep: none of the first {counted(read, 'record')} has the field {field}"
