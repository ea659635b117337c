"""The whole pipeline on local files, in one process and without Spark, for `episodes try` and `pipelines.try_files`. Nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from pipelines.config import Config
from pipelines.console.hints import Hints
from pipelines.console.trial.tally import Tally, json_row
from pipelines.containers.listing import Listing
from pipelines.flow import DraftWithImages, Flow
from pipelines.ledger.books import Books
from pipelines.ledger.filtered import input_warnings
from pipelines.ledger.gates import failed_gates, gate_warnings, gates_of, too_many_errors
from pipelines.ledger.manifest import listed_facts
from pipelines.ledger.summary import summary_lines
from pipelines.ledger.superseded import lost_answers
from pipelines.ledger.worst import Usual, is_of_a_share, worst_of
from pipelines.local import run_listed
from pipelines.records import Outcome, Quarantined, RawRecord
from pipelines.tables.schema import Row

__all__ = ["Tally", "Trial", "json_row", "try_listed", "verdict"]

OK, INTERNAL_ERROR, GATE = 0, 1, 3


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of the records of some files. `facts` are those of a manifest; `words` say why a run of these would not be published.

    `worst_place` is the first record (path, line) with the most frequent reason, None where no record was refused.
    """

    books: Books
    facts: Row
    words: tuple[str, ...]
    exit_code: int
    worst_place: tuple[str, int] | None

    def summary(self) -> list[str]:
        """The lines at the end, for a person."""
        return [*summary_lines(self.books, self.facts), *self.words]


def try_listed(
    flow: Flow,
    listing: Listing,
    on_outcome: Callable[[Outcome], object] = lambda outcome: None,
    on_record: Callable[[DraftWithImages | Quarantined], object] = lambda record: None,
    on_read: Callable[[RawRecord], object] = lambda raw: None,
) -> Trial:
    """Runs these files. The functions are called as in `run_listed`, and `on_outcome` with every outcome, in input order."""
    tally, hints = Tally(flow.config), Hints(flow.config)

    def note(record: DraftWithImages | Quarantined) -> None:
        on_record(record)
        tally.note(record)
        hints.note(record)

    for outcome in run_listed(flow, listing.files, note, on_read):
        tally.count(outcome)
        on_outcome(outcome)
    books = tally.books()
    facts = tally.facts(books, Counter(file.source for file in listing.files)) | listed_facts(listing)
    code, words = verdict(books, flow.config)
    words = (*words, *hints.lines(), *input_warnings(books, facts["keep_if"]), *lost_answers(tally.lost()))
    return Trial(books, facts, words, code, tally.worst_place())


def verdict(books: Books, config: Config) -> tuple[int, tuple[str, ...]]:
    """(the exit code of a run with these books, why it would not be published and what comes near it)."""
    errors = too_many_errors(books, config.gates)
    if errors or books.faults():
        return INTERNAL_ERROR, (*books.faults(), *([errors] if errors else []))
    failed = failed_gates(books, gates_of(config))
    worst = worst_of(books, Usual(), config.gates.max_quarantined) if any(map(is_of_a_share, failed)) else None
    words = (*(f"gate failed: {line}" for line in failed), *gate_warnings(books, gates_of(config)), *(worst.words() if worst else ()))
    return GATE if failed else OK, words
