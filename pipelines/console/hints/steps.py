"""Records that no conversation can be made of, and that are episodes or steps of a GUI agent: what `rows: {of: step}` would read of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.config import Config, Source
from pipelines.config.rows import Rows
from pipelines.console.shape.draft import STEP_ROWS
from pipelines.console.shape.steps import known_others, named, step_titles, values_of
from pipelines.records import RawRecord
from pipelines.visible import counted

MOST_RECORDS, MOST_BYTES = 50, 4 << 20  # of each source
LEAST_SHARE = 0.1  # of the records of a source: what is the matter with fewer is not said, since `reasons` names each


class RefusedRecords:
    """The first refused records of a source."""

    def __init__(self) -> None:
        self.raws: list[RawRecord] = []
        self.count = 0
        self.read = 0  # the other records of the source
        self._bytes = 0

    def add(self, raw: RawRecord) -> None:
        self.count += 1
        if len(self.raws) < MOST_RECORDS and self._bytes < MOST_BYTES and raw.origin.line:
            self.raws.append(raw)
            self._bytes += len(raw.raw)


def step_hints(source: Source, refused: RefusedRecords, config: Config) -> Iterator[str]:
    """A line if rows of steps would read some of these records, or else one for each thing that is known to be in the way of many."""
    raws, records = refused.raws, refused.count + refused.read
    if not raws:
        return
    rows = Rows.model_validate(STEP_ROWS)
    as_steps = config.model_copy(update={"sources": tuple(one.model_copy(update={"rows": rows}) if one == source else one for one in config.sources)})
    titles = step_titles(raws, as_steps)
    written = "rows: {" + ", ".join(f"{key}: {value}" for key, value in STEP_ROWS.items()) + "}"
    if titles and 2 * len(titles) * refused.count > len(raws) * records:
        yield f"source {source.name}: {written} would read {_some(len(titles), len(raws), refused.count)} as steps of {named(titles)}"
    elif titles:
        some = f"{_some(len(titles), len(raws), refused.count)}, of {counted(records, 'record')} that were read,"
        are, they = ("is a step", "it") if len(titles) == 1 else ("are steps", "they")
        yield f"source {source.name}: {some} {are} of {named(titles)}; {they} can be read in a source of {'its' if they == 'it' else 'their'} own, with {written}"
    else:
        yield from (f"source {source.name}: {why}" for why in other_hints(raws, refused.count, records, config))


def other_hints(raws: Sequence[RawRecord], refused: int, records: int, config: Config) -> list[str]:
    """What is known to be in the way of most refused records, if these are a share of all records that matters. `raws` are the first that were refused."""
    found = known_others(values_of(raws, config), config)
    share = found.total() / max(len(raws), 1)
    if share <= 0.5 or share * refused < LEAST_SHARE * records:
        return []
    return [f"{_some(count, len(raws), refused)} cannot be read as {'a step' if count == 1 else 'steps'}: {why}" for why, count in found.most_common()]


def _some(count: int, looked_at: int, refused: int) -> str:
    """`2 of 3 refused records`, `2 of the first 50 refused records`."""
    return f"{count:,} of {'' if looked_at == refused else 'the first '}{counted(looked_at, 'refused record')}"
