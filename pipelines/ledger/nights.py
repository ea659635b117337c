"""What a night is made of, and what may be done with one that stands already.

    the same inputs, code and configuration      nothing to do
    other inputs, the same code and configuration   the batch is amended
    other code or configuration                  refused, unless it is to be replaced

Nothing here knows a clock or a file's time: a night is told from another by content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

import orjson

Row = Mapping[str, Any]
NIGHTS_COMPARED = 7


class Refused(Exception):
    """The batch was made by other code or another configuration; it is replaced only when that is asked for."""


@dataclass(frozen=True, slots=True)
class Night:
    """A batch and what makes it: `inputs` are (source, path, sha256), `tokenizers` dialect -> fingerprint."""

    batch: str
    inputs: frozenset[tuple[str, str, str]]
    code: str
    config: str
    tokenizers: tuple[tuple[str, str], ...]

    @property
    def key(self) -> str:
        parts = [self.batch, sorted(self.inputs), self.code, self.config, self.tokenizers]
        return hashlib.sha256(orjson.dumps(parts)).hexdigest()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a night stands to what is published: `earlier` is its batch's last row of `runs`; `words` are for people."""

    earlier: Row | None
    is_same: bool
    words: tuple[str, ...]


def night_of(row: Row) -> Night:
    """The night that a row of `runs` published."""
    inputs = frozenset((file["source"], file["path"], file["sha256"]) for file in row["inputs"])
    return Night(row["batch"], inputs, row["code"], row["config"], tuple(sorted(row["tokenizers"].items())))


def last_of_batch(runs: Sequence[Row], batch: str) -> Row | None:
    """The last run that made this batch from its inputs; a redrive mends rows of it and does not make it."""
    return next((row for row in reversed(runs) if row["batch"] == batch and row["kind"] == "batch"), None)


def compare(runs: Sequence[Row], night: Night, replace: bool) -> Standing:
    """What is to be done with this night. Raises Refused where other code or another configuration made the batch."""
    earlier = last_of_batch(runs, night.batch)
    if earlier is None:
        return Standing(None, False, ())
    before = night_of(earlier)
    if before.key == night.key:
        words = f"nothing to do: batch {night.batch} stands as run {earlier['run_id']} published it, with the same inputs, code and configuration"
        return Standing(earlier, True, (words,))
    others = [name for name in ("code", "config", "tokenizers") if getattr(before, name) != getattr(night, name)]
    if others and not replace:
        names = " and ".join({"code": "code", "config": "configuration", "tokenizers": "tokenizers"}[name] for name in others)
        raise Refused(f"batch {night.batch} was published by run {earlier['run_id']} with other {names}; --replace makes it anew")
    return Standing(earlier, False, tuple(_changes(before, night)))


def _changes(before: Night, night: Night) -> list[str]:
    """What is new, changed and gone among the inputs, one line each; a file that is gone takes its rows along, so it is named."""
    old = {(source, path): sha256 for source, path, sha256 in before.inputs}
    new = {(source, path): sha256 for source, path, sha256 in night.inputs}
    changed = [path for (source, path), sha256 in new.items() if (source, path) in old and old[source, path] != sha256]
    kinds = {
        "new": [path for source, path in new.keys() - old.keys()],
        "changed": changed,
        "gone, and its rows with it": [path for source, path in old.keys() - new.keys()],
    }
    return [f"batch {night.batch}, {kind}: {path}" for kind, paths in kinds.items() for path in sorted(paths)]


class Volume(NamedTuple):
    """How much there is of a source."""

    files: int
    records: int


def volumes(inputs: Iterable[Row]) -> dict[str, Volume]:
    """Source -> its input files and the records in them; `inputs` as in a row of `runs`. A source without files is not there."""
    found: dict[str, Volume] = {}
    for row in inputs:
        files, records = found.get(row["source"], (0, 0))
        found[row["source"]] = Volume(files + 1, records + row["records"])
    return found


def as_they_stand(runs: Sequence[Row], batch: str) -> list[Row]:
    """The last run of every other batch, the one that was published last at the end."""
    latest: dict[str, Row] = {}
    for row in runs:
        if row["batch"] != batch:
            latest.pop(row["batch"], None)
            latest[row["batch"]] = row
    return list(latest.values())


def source_rows(sources: Iterable[str], now: Mapping[str, Volume], runs: Sequence[Row], batch: str) -> list[dict[str, Any]]:
    """Every source's files and records, also where these are 0, and the medians of its last seven other batches; None where it had none.

    `runs` tells of a source's files: a batch in which it had none does not count.
    """
    others = [volumes(row["inputs"]) for row in as_they_stand(runs, batch)]
    return [_source_row(source, now.get(source, Volume(0, 0)), [one[source] for one in others if source in one][-NIGHTS_COMPARED:]) for source in sources]


def _source_row(source: str, now: Volume, usual: Sequence[Volume]) -> dict[str, Any]:
    files, records = (_median([one[place] for one in usual]) for place in (0, 1))
    return {"source": source, **now._asdict(), "median_files": files, "median_records": records, "batches": len(usual)}


def _median(numbers: Sequence[int]) -> float | None:
    """A whole number where it is one."""
    found = median(numbers) if numbers else None
    return int(found) if found is not None and found == int(found) else found


@dataclass(frozen=True, slots=True)
class Past:
    """What the gates compare a run with.

    `shares` (of records quarantined) and `records` (in) are those of the last seven other batches, each as it stands now. `standing` has the
    records of each of the run's sources, and of those it does not have any more, in the batch's own last run; empty where there is none.
    """

    shares: Sequence[float] = ()
    records: Sequence[int] = ()
    standing: Mapping[str, int] = field(default_factory=dict)
    sources: Sequence[str] = ()


def past_of(runs: Sequence[Row], batch: str, earlier: Row | None, sources: Sequence[str]) -> Past:
    """`earlier` is the batch's last run of kind batch."""
    others = as_they_stand(runs, batch)[-NIGHTS_COMPARED:]
    standing = {source: volume.records for source, volume in volumes(earlier["inputs"]).items()} if earlier else {}
    return Past([row["quarantined_share"] for row in others], [_records_in(row) for row in others], standing, sources)


def _records_in(row: Row) -> int:
    return sum(file["records"] for file in row["inputs"])


def ratio_to_median(share: float, shares: Sequence[float], records: int) -> float | None:
    """How many times the usual share this is; None where no night came before. After nights without any, one record counts as usual."""
    if not shares:
        return None
    return share / max(median(shares), 1 / max(records, 1))


def ratio_of_volumes(records: int, others: Sequence[int]) -> float | None:
    """How many times more, or fewer, records there are than usual, at least 1; None where no night came before. No record counts as one."""
    if not others:
        return None
    usual, now = max(median(others), 1), max(records, 1)
    return max(now / usual, usual / now)
