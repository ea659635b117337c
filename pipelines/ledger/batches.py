"""What identifies a batch, and what a run may do with one that is already published.

    the same inputs, code and configuration         nothing to do
    other inputs, the same code and configuration   the batch is amended
    other code or configuration                     refused, unless the run is started with --replace

No clock and no file time is involved: batches are compared by content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

from pipelines.tables.reading import inputs_digest

Row = Mapping[str, Any]
BATCHES_COMPARED = 7
OTHER = {"code": "other code", "configuration": "another configuration", "tokenizers": "other tokenizers"}


class Refused(Exception):
    """The batch was published with other code or another configuration; only an explicit --replace may replace it."""


@dataclass(frozen=True, slots=True)
class BatchKey:
    """A batch and what its rows depend on: `inputs` are (source, path, sha256), `tokenizers` dialect -> fingerprint."""

    batch: str
    inputs: frozenset[tuple[str, str, str]]
    code: str
    config: str
    tokenizers: tuple[tuple[str, str], ...]

    @property
    def inputs_sha256(self) -> str:
        return inputs_digest(self.inputs)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a run compares with what is published: `earlier` is its batch's last row of `runs`; `words` are for people."""

    earlier: Row | None
    is_same: bool
    words: tuple[str, ...]


def last_of_batch(runs: Sequence[Row], batch: str) -> Row | None:
    """The last run that made this batch from its inputs. A redrive does not count: it changes some of the batch's rows."""
    return next((row for row in reversed(runs) if row["batch"] == batch and row["kind"] == "batch"), None)


def compare_with_published(runs: Sequence[Row], key: BatchKey, replace: bool, inputs_of: Callable[[Row], Iterable[Row]]) -> Comparison:
    """What to do with this batch. `inputs_of` gives the input files of a run. Raises Refused where it was published with other code or another configuration."""
    earlier = last_of_batch(runs, key.batch)
    if earlier is None:
        return Comparison(None, False, ())
    before = {"code": earlier["code"], "configuration": earlier["config"], "tokenizers": tuple(sorted(earlier["tokenizers"].items()))}
    now = {"code": key.code, "configuration": key.config, "tokenizers": key.tokenizers}
    others = [name for name in now if before[name] != now[name]]
    if not others and earlier["inputs_sha256"] == key.inputs_sha256:
        words = f"run {earlier['run_id']} published batch {key.batch} with the same inputs, code and configuration"
        return Comparison(earlier, True, (words,))
    if others and not replace:
        raise Refused(
            f"run {earlier['run_id']} published batch {key.batch} with {' and '.join(OTHER[name] for name in others)}; use --replace to replace the batch"
        )
    return Comparison(earlier, False, tuple(_changes(key, inputs_of(earlier))))


def _changes(key: BatchKey, before: Iterable[Row]) -> list[str]:
    """The input files that are new, changed or gone, one line each. Those that are gone are named because their rows go too."""
    old = {(row["source"], row["path"]): row["sha256"] for row in before}
    new = {(source, path): sha256 for source, path, sha256 in key.inputs}
    changed = [path for (source, path), sha256 in new.items() if (source, path) in old and old[source, path] != sha256]
    kinds = {
        "new": [path for source, path in new.keys() - old.keys()],
        "changed": changed,
        "gone, its rows are removed": [path for source, path in old.keys() - new.keys()],
    }
    return [f"batch {key.batch}, {kind}: {path}" for kind, paths in kinds.items() for path in sorted(paths)]


class Volume(NamedTuple):
    """How many files and records a source has."""

    files: int
    records: int


def volumes(row: Row) -> dict[str, Volume]:
    """Source -> the input files and records that this run had of it. A source without files has no entry."""
    return {source: Volume(found["files"], found["records"]) for source, found in row["sources"].items()}


def latest_runs_of_others(runs: Sequence[Row], batch: str) -> list[Row]:
    """The last run of every other batch, ordered by when it was published."""
    latest: dict[str, Row] = {}
    for row in runs:
        if row["batch"] != batch:
            latest.pop(row["batch"], None)
            latest[row["batch"]] = row
    return list(latest.values())


def source_rows(sources: Iterable[str], now: Mapping[str, Volume], runs: Sequence[Row], batch: str) -> list[dict[str, Any]]:
    """The files and records of every source, zeros included, with the medians of its last seven other batches; None where it had none.

    A batch in which a source had no file does not count.
    """
    others = [volumes(row) for row in latest_runs_of_others(runs, batch)]
    return [_source_row(source, now.get(source, Volume(0, 0)), [one[source] for one in others if source in one][-BATCHES_COMPARED:]) for source in sources]


def _source_row(source: str, now: Volume, usual: Sequence[Volume]) -> dict[str, Any]:
    files, records = (_median([one[place] for one in usual]) for place in (0, 1))
    return {"source": source, **now._asdict(), "median_files": files, "median_records": records, "batches": len(usual)}


def _median(numbers: Sequence[int]) -> float | None:
    """As an int where it is a whole number."""
    found = median(numbers) if numbers else None
    return int(found) if found is not None and found == int(found) else found


@dataclass(frozen=True, slots=True)
class Past:
    """What the gates compare a run with.

    `shares` (quarantined) and `records` (in) are those of the last seven other batches, as published now. `published` has the records
    per source in the last run of the batch itself, including sources that are no longer configured; it is empty for a new batch.
    `sources` are the configured ones.
    """

    shares: Sequence[float] = ()
    records: Sequence[int] = ()
    published: Mapping[str, int] = field(default_factory=dict)
    sources: Sequence[str] = ()


def past_of(runs: Sequence[Row], batch: str, earlier: Row | None, sources: Sequence[str]) -> Past:
    """`earlier` is the batch's last run of kind batch."""
    others = latest_runs_of_others(runs, batch)[-BATCHES_COMPARED:]
    published = {source: volume.records for source, volume in volumes(earlier).items()} if earlier else {}
    return Past([row["quarantined_share"] for row in others], [_records_in(row) for row in others], published, sources)


def _records_in(row: Row) -> int:
    return sum(volume.records for volume in volumes(row).values())


def ratio_to_median(share: float, shares: Sequence[float], records: int) -> float | None:
    """The share divided by the median share, which counts as at least one record's; None where there is no earlier batch."""
    if not shares:
        return None
    return share / max(median(shares), 1 / max(records, 1))


def ratio_of_volumes(records: int, others: Sequence[int]) -> float | None:
    """How many times more, or fewer, records there are than the median, so at least 1; None where there is no earlier batch.

    0 records count as 1.
    """
    if not others:
        return None
    usual, now = max(median(others), 1), max(records, 1)
    return max(now / usual, usual / now)
