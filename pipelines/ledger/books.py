"""The books of a run: every record in one known state, per input file and per dialect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.config import Config
from pipelines.reasons import Reason
from pipelines.visible import amount, counted

# The states of records that have a row in quarantine without being refused, by its reason. No gate counts them.
ASIDE = {Reason.RECORD_DUPLICATE.code: "duplicate", Reason.RECORD_SUPERSEDED.code: "superseded", Reason.RECORD_FILTERED.code: "filtered"}


def state_of(reason: str) -> str:
    """What a row of quarantine with this reason says of its record.

    >>> state_of("image.missing"), state_of("record.filtered")
    ('quarantined: image.missing', 'filtered')
    """
    return ASIDE.get(reason, f"quarantined: {reason}")


# Counts of a file, in a manifest, and of a run.
STATES = ("records", "conversations", "quarantined", "duplicates", "damaged", "kept", "filtered", "superseded")


# Totals of the rows of all dialects, which a row of `runs` has beside the counts of states.
WRITTEN = ("rows", "tokens", "target_tokens")


@dataclass(frozen=True, slots=True)
class FileBook:
    """One input file: records in = kept + quarantined + duplicates + filtered + superseded. `kept` counts the records with a conversation, each of
    which may have several; `damaged` the file's rows with line 0, which are not records."""

    source: str
    path: str
    records: int
    conversations: int
    quarantined: int
    duplicates: int
    damaged: int
    kept: int
    filtered: int = 0
    superseded: int = 0

    def fault(self) -> str | None:
        known = self.kept + self.quarantined + self.duplicates + self.filtered + self.superseded
        return None if known == self.records else f"{self.path}: {counted(self.records, 'record')} in, {known:,} accounted for"


@dataclass(frozen=True, slots=True)
class DialectBook:
    """One input file and dialect: conversations offered = clean + repaired + quarantined. `more_windows` counts the rows that clean and repaired
    conversations have besides their first."""

    dialect: str
    path: str
    offered: int
    clean: int
    repaired: int
    quarantined: int
    more_windows: int = 0

    def fault(self) -> str | None:
        known = self.clean + self.repaired + self.quarantined
        return None if known == self.offered else f"{self.path}: {counted(self.offered, 'conversation')} offered to {self.dialect}, {known:,} accounted for"


DIALECT_STATES = ("clean", "repaired", "quarantined", "more_windows")


@dataclass(frozen=True, slots=True)
class Books:
    files: tuple[FileBook, ...]
    dialects: tuple[DialectBook, ...]
    refused_by_all: int  # conversations offered to at least one dialect and quarantined for every dialect they were offered to
    internal_errors: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    blame: Mapping[tuple[Any, ...], float] = field(default_factory=dict)  # as `blame.blame_of` returns it
    refused: Mapping[tuple[str, str], float] = field(default_factory=dict)  # by (source, path), the records that `refused_by_all` count as
    written: Mapping[str, int] = field(default_factory=dict, compare=False)  # by the names of WRITTEN

    def total(self, name: str) -> int:
        return sum(getattr(book, name) for book in self.files)

    def records_of(self, source: str) -> int:
        return sum(book.records for book in self.files if book.source == source)

    def lost_of(self, book: FileBook) -> float:
        """The records of a file that are lost: those quarantined, and its conversations that every dialect refused, each as its share of its record."""
        return rounded(book.quarantined + self.refused.get((book.source, book.path), 0))

    def lost(self) -> float:
        """The records that are lost, of all files."""
        return rounded(self.total("quarantined") + sum(self.refused.values()))

    def share_of(self, source: str) -> tuple[float, int]:
        """(what was lost of this source, the records wanted of it), counted as in `quarantined_share`."""
        own = [book for book in self.files if book.source == source]
        return rounded(sum(map(self.lost_of, own))), sum(map(wanted, own))

    def rows(self) -> dict[str, int]:
        """Table -> the number of rows that the batch must have in it."""
        kept = sum(book.clean + book.repaired + book.more_windows for book in self.dialects)
        refused = sum(book.quarantined for book in self.dialects)
        aside = refused + sum(self.total(name) for name in ("quarantined", "duplicates", "filtered", "superseded", "damaged"))
        return {"conversations": self.total("conversations"), "samples": kept, "quarantine": aside}

    def dialect_totals(self) -> dict[str, dict[str, int]]:
        """Dialect -> conversations by state, over all files."""
        totals: dict[str, Counter[str]] = {}
        for book in self.dialects:
            counts = {name: getattr(book, name) for name in ("offered", *DIALECT_STATES)}
            totals.setdefault(book.dialect, Counter()).update(counts)
        return {dialect: dict(total) for dialect, total in totals.items()}

    def faults(self) -> list[str]:
        found = [book.fault() for book in self.files] + [book.fault() for book in self.dialects]
        return [fault for fault in found if fault]

    def wanted(self) -> int:
        """The records that gates compare: records in, without those whose content another record has, and without those that `keep_if` leaves out."""
        return sum(map(wanted, self.files))

    def quarantined_share(self) -> float:
        """`lost` / `wanted`; 0 where nothing came in."""
        return self.lost() / self.wanted() if self.wanted() else 0.0

    def quarantined_words(self) -> str:
        """`7.55% of the records were quarantined`; or `were lost`, and how they are counted, where every dialect refused some conversations."""
        share = f"{self.quarantined_share():.2%} of the records were"
        if not self.refused_by_all:
            return f"{share} quarantined"
        quarantined, records = self.total("quarantined"), rounded(sum(self.refused.values()))
        refused = f"{self.refused_by_all:,} refused by every dialect"
        if records != self.refused_by_all:
            refused = f"{counted(self.refused_by_all, 'conversation')} refused by every dialect, which count as {amount(records)}"
        return f"{share} lost ({amount(self.lost())} of {self.wanted():,}: {quarantined:,} quarantined, {refused})"

    def states(self) -> dict[str, int]:
        totals = {name: self.total(name) for name in STATES}
        return totals | {"refused_by_all": self.refused_by_all, "internal_errors": self.internal_errors}


def wanted(book: FileBook) -> int:
    """The records of a file that gates compare."""
    return book.records - book.duplicates - book.filtered - book.superseded


def rounded(records: float) -> float:
    """A sum of shares of records to six places, so that it does not depend on the order in which they were added; an int where it is whole."""
    found = round(records, 6)
    return int(found) if found == int(found) else found


def takers(config: Config) -> dict[str, list[str]]:
    """Source -> the dialects that take it."""
    return {source.name: [dialect.name for dialect in config.dialects if dialect.takes(source.name)] for source in config.sources}


Counts = Mapping[tuple[str, ...], int]


def make_books(
    config: Config, records: Counts, states: Counts, dialects: Counts, refused_by_all: int, internal_errors: int, reasons: Mapping[str, int]
) -> Books:
    """The books from counts: records by (source, path), states by (source, path, state), dialects by (source, path, dialect, state)."""
    places = sorted(set(records) | {key[:2] for key in states})  # a damaged file may have no record
    files = []
    for source, path in places:
        by_state = (states.get((source, path, state), 0) for state in ("conversation", "quarantined", "duplicate", "damaged", "kept", "filtered", "superseded"))
        files.append(FileBook(source, path, records.get((source, path), 0), *by_state))
    offers = [
        DialectBook(
            name,
            book.path,
            book.conversations,
            *(dialects.get((book.source, book.path, name, state), 0) for state in DIALECT_STATES),
        )
        for book in files
        for name in _dialects_of(config, book.source)
    ]
    return Books(tuple(files), tuple(offers), refused_by_all, internal_errors, dict(reasons))


def _dialects_of(config: Config, source: str) -> Sequence[str]:
    return takers(config).get(source, ())
