"""What `episodes check` says about `keep_if` and `keep`: how many of the first records are kept, and which of the fields none of them has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import orjson

from pipelines.config import Source
from pipelines.ledger.filtered import FILTERED, absent_fields, is_judged
from pipelines.records import Draft, Quarantined, RawRecord
from pipelines.visible import counted

Read = Sequence[tuple[RawRecord, Draft | Quarantined]]


def kept_remarks(source: Source, records: Read) -> Iterator[str]:
    """A sentence about these records, the first of the source, and one for each field of `keep_if` and `keep` that none of them has."""
    judged = kept = read = 0
    absent: Counter[str] = Counter()
    extra: Counter[str] = Counter()  # the fields in column `extra`
    for _, made in records:
        if isinstance(made, Draft) or is_judged(made.findings[0].code):
            judged += 1
            kept += isinstance(made, Draft) or made.findings[0].code != FILTERED
            absent.update(() if isinstance(made, Draft) else absent_fields(made.findings))
        if isinstance(made, Draft):
            read += 1
            extra.update(orjson.loads(made.extra or "{}").keys())
    if source.keep_if and records:
        yield f"source {source.name}: keep_if keeps {kept:,} of the first {counted(judged, 'record')}"
    for field in source.keep_if:
        if judged and absent[field] == judged:
            yield f"source {source.name}: keep_if: none of the first {counted(judged, 'record')} has the field {field}"
    for field in source.keep:
        if read and not extra[field.partition("|")[0].strip()]:
            yield f"source {source.name}: keep: none of the first {counted(read, 'record')} has the field {field}"
