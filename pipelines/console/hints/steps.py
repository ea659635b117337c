"""Records that no conversation can be made of, and that are episodes or steps of a GUI agent: what `rows: {of: step}` would read of them."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.config import Config, Source
from pipelines.config.rows import Rows
from pipelines.console.shape.draft import STEP_ROWS
from pipelines.console.shape.steps import known_others, named, step_titles, values_of
from pipelines.records import RawRecord

MOST_RECORDS, MOST_BYTES = 50, 4 << 20  # of each source


class RefusedRecords:
    """The first refused records of a source."""

    def __init__(self) -> None:
        self.raws: list[RawRecord] = []
        self.count = 0
        self._bytes = 0

    def add(self, raw: RawRecord) -> None:
        self.count += 1
        if len(self.raws) < MOST_RECORDS and self._bytes < MOST_BYTES and raw.origin.line:
            self.raws.append(raw)
            self._bytes += len(raw.raw)


def step_hints(source: Source, refused: RefusedRecords, config: Config) -> Iterator[str]:
    """A line if rows of steps would read some of these records, or else one for each thing that is known to be in the way."""
    if not refused.raws:
        return
    rows = Rows.model_validate(STEP_ROWS)
    as_steps = config.model_copy(update={"sources": tuple(one.model_copy(update={"rows": rows}) if one == source else one for one in config.sources)})
    titles = step_titles(refused.raws, as_steps)
    if titles:
        of = f"{len(refused.raws):,}" if len(refused.raws) == refused.count else f"the first {len(refused.raws):,}"
        written = "{" + ", ".join(f"{key}: {value}" for key, value in STEP_ROWS.items()) + "}"
        yield f"source {source.name}: rows: {written} would read {len(titles):,} of {of} refused {'record' if of == '1' else 'records'} as steps of {named(titles)}"
        return
    yield from (f"source {source.name}: {why}" for why in known_others(values_of(refused.raws, config), config))
