"""Where most was lost, against what is usual: for the person who is woken up because a gate failed.

The worst source is the one that lost the most records beyond its usual share; the worst file and the worst reason are those of this source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from pipelines.ledger.books import Books, rounded, wanted
from pipelines.visible import amount, counted, noun_for, one_line

Row = Mapping[str, Any]
MOST_PATH = 400  # characters
TWICE = 2.0
SHARES = ("max_quarantined", "max_ratio_to_median", "sources.", "reasons.")  # gates of what was quarantined


@dataclass(frozen=True, slots=True)
class Usual:
    """The last batches: by source the shares that were quarantined, one for each batch, and by reason the median of the rows in quarantine."""

    batches: int = 0
    shares: Mapping[str, Sequence[float]] = field(default_factory=dict)
    reasons: Mapping[str, float] = field(default_factory=dict)

    def share(self, source: str) -> float | None:
        return median(self.shares[source]) if self.shares.get(source) else None

    def rows(self, reason: str) -> float | None:
        return self.reasons.get(reason, 0) if self.batches else None


@dataclass(frozen=True, slots=True)
class Also:
    """Another source that lost more than is usual: `lost` of its `records`, mostly for the reason."""

    source: str
    lost: float
    records: int
    reason: str


@dataclass(frozen=True, slots=True)
class Worst:
    """`lost` of `records` of the source, `file_lost` of `file_records` of the file, `reason_lost` for the reason. Usual values are None without earlier batches.

    `reason_rows` and `usual_reason_rows` are rows in quarantine, of all sources; there may be one for each dialect.
    """

    source: str
    lost: float
    records: int
    usual_share: float | None
    file: str
    file_lost: float
    file_records: int
    reason: str
    reason_lost: float
    reason_rows: int
    usual_reason_rows: float | None
    batches: int
    also: Also | None = None
    left_out: int = 0  # duplicates, filtered and superseded records of the source, which no share counts

    def words(self) -> list[str]:
        """One sentence each for source, file and reason, and for the second source if it is unusual too."""
        share = f"{self.lost / max(self.records, 1):.2%}"
        usual = "" if self.usual_share is None else f"; {_median_of(self.batches)}: {self.usual_share:.2%}"
        do = "record does" if self.left_out == 1 else "records do"
        left_out = f"; {self.left_out:,} duplicate, filtered or superseded {do} not count" if self.left_out else ""
        rows = "" if self.usual_reason_rows is None else f"; {self.reason_rows:,} rows in all, {_median_of(self.batches)}: {self.usual_reason_rows:,.10g}"
        also = [f"also: {self.also.source}, {amount(self.also.lost)} of {counted(self.also.records, 'record')}, {self.also.reason}"] if self.also else []
        return [
            f"worst source: {self.source}, {amount(self.lost)} of {counted(self.records, 'record')} ({share}{usual}){left_out}",
            f"worst file: {one_line(self.file, MOST_PATH)}, {amount(self.file_lost)} of {counted(self.file_records, 'record')}",
            f"worst reason: {self.reason}, {amount(self.reason_lost)} {noun_for(self.reason_lost, 'record')} of source {self.source}{rows}",
            *also,
        ]


def worst_of(books: Books, usual: Usual, limit: float = 1.0) -> Worst | None:
    """None where nothing was lost. A second source is named if it lost a share above this limit, and more than TWICE what is usual for it."""
    sources = sorted({book.source for book in books.files})
    losses = {source: books.share_of(source) for source in sources}
    lost = [source for source in sources if losses[source][0] and any(of == source and is_lost for of, _, _, is_lost in books.blame)]
    if not lost:
        return None
    source, *others = sorted(lost, key=lambda source: losses[source][1] * (usual.share(source) or 0) - losses[source][0])
    unusual = (other for other in others if losses[other][0] > losses[other][1] * max(limit, TWICE * (usual.share(other) or 0)))
    second = next(unusual, None)
    book = max((book for book in books.files if book.source == source), key=books.lost_of)
    reason, reason_lost = _reason_of(books, usual, source)
    return Worst(
        source,
        *losses[source],
        usual.share(source),
        book.path,
        books.lost_of(book),
        wanted(book),
        reason,
        reason_lost,
        books.reasons.get(reason, 0),
        usual.rows(reason),
        usual.batches,
        Also(second, *losses[second], _reason_of(books, usual, second)[0]) if second else None,
        books.records_of(source) - losses[source][1],
    )


def _reason_of(books: Books, usual: Usual, source: str) -> tuple[str, float]:
    """(the reason that this source lost most records for, beyond what is usual; how many)."""
    reasons: dict[str, float] = {}
    for (of, _, reason, is_lost), count in books.blame.items():
        if of == source and is_lost:
            reasons[reason] = rounded(reasons.get(reason, 0) + count)
    reason = max(sorted(reasons), key=lambda reason: reasons[reason] - (usual.rows(reason) or 0))
    return reason, reasons[reason]


def usual_of(reasons: Row, nights: Iterable[Sequence[Row]]) -> Usual:
    """What is usual, from what `causes.usual_reasons` has of the last batches, and from the input files of each of them."""
    shares: dict[str, list[float]] = {}
    for files in nights:
        for source in {file["source"] for file in files}:
            own = [file for file in files if file["source"] == source]
            wanted = sum(map(_wanted, own))
            shares.setdefault(source, []).append(sum(file["quarantined"] for file in own) / wanted if wanted else 0.0)
    return Usual(reasons["batches"], shares, reasons["rows"])


def _wanted(file: Row) -> int:
    """As `books.wanted`; the input files of an older version have fewer columns."""
    found: int = file["records"] - sum(file.get(name) or 0 for name in ("duplicates", "superseded", "filtered"))
    return found


def is_of_a_share(words: str) -> bool:
    """Whether this sentence of a gate is about what was quarantined, and not about how much came in."""
    return words.startswith(SHARES)


def _median_of(batches: int) -> str:
    return f"median of {batches} batches" if batches > 1 else "the batch before"
