"""What `episodes check` says about `keep_if`: how many of the first records it keeps, and which of its fields none of them has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from pipelines.config import Config, Limits, Output, Source
from pipelines.containers import read_records
from pipelines.containers.listing import InputFile
from pipelines.flow import draft_of
from pipelines.ledger.filtered import FILTERED, absent_fields, is_judged
from pipelines.records import Draft
from pipelines.storage.stores import Stores
from pipelines.visible import counted

MOST = 1000  # records that are looked at


def keep_if_remarks(source: Source, files: Sequence[InputFile], stores: Stores) -> Iterator[str]:
    """A sentence about the first records of these files, and one for each field of `keep_if` that none of them has."""
    if not source.keep_if or not files:
        return
    config = Config(sources=(source,), output=Output(root="out"))
    judged = kept = 0
    absent: Counter[str] = Counter()
    for raw in islice(chain.from_iterable(read_records(file, Limits(), stores) for file in files), MOST):
        made = draft_of(raw, config)
        if isinstance(made, Draft) or is_judged(made.findings[0].code):
            judged += 1
            kept += isinstance(made, Draft) or made.findings[0].code != FILTERED
            absent.update(() if isinstance(made, Draft) else absent_fields(made.findings))
    yield f"source {source.name}: keep_if keeps {kept:,} of the first {counted(judged, 'record')}"
    for field in source.keep_if:
        if judged and absent[field] == judged:
            yield f"source {source.name}: keep_if: none of the first {counted(judged, 'record')} has the field {field}"
