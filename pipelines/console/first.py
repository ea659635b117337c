"""The first records of a source, as a run would read them, for what `episodes check` says about them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from pipelines.config import Config, DialectSettings, Limits, Output, Source
from pipelines.console.hints import Hints
from pipelines.console.kept import Read, kept_remarks
from pipelines.containers import read_records
from pipelines.containers.listing import InputFile
from pipelines.flow import draft_of
from pipelines.records import Draft, Quarantined, RawRecord
from pipelines.storage.stores import Stores

MOST, MOST_BYTES = 1000, 16 << 20


def remarks_on_records(source: Source, dialects: Sequence[DialectSettings], files: Sequence[InputFile], stores: Stores) -> list[str]:
    """What the first records of these files say about the settings of the source."""
    config = Config(sources=(source,), output=Output(root="out"), dialects=tuple(dialects))
    records, is_all = _first_records(config, files, stores)
    hints = Hints(config)
    for raw, draft in records:
        hints.note_draft(raw, draft)
    return [*kept_remarks(source, records), *hints.lines(is_all)]


def _first_records(config: Config, files: Sequence[InputFile], stores: Stores) -> tuple[Read, bool]:
    """(records that differ in their bytes, whether there are no more). Duplicates are left out, as a run does."""
    found: dict[str, tuple[RawRecord, Draft | Quarantined]] = {}
    size = 0
    for number, raw in enumerate(chain.from_iterable(read_records(file, Limits(), stores) for file in files)):
        if number == MOST or size > MOST_BYTES:
            return list(found.values()), False
        size += len(raw.raw)
        if raw.record_id not in found:
            found[raw.record_id] = (raw, draft_of(raw, config))
    return list(found.values()), True
