"""Superseded records whose answers are lost after all, because the longer record that has them is refused by a dialect or by a check of its steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipelines.ledger.books import Books
from pipelines.reasons import Reason
from pipelines.visible import counted

HOLDER = r", record ([0-9a-f]{64})$"  # in the finding of a superseded record: the record that trains its last answer
TOO_LONG = Reason.TOKENS_TOO_LONG.code


def may_be_lost(books: Books) -> bool:
    """Whether it is worth to look: records are superseded, and others are refused by what comes after `fold`."""
    is_refused = any(book.quarantined for book in books.dialects) or any(code.startswith("check.") for code in books.reasons)
    return bool(books.total("superseded")) and is_refused


def lost_answers(lost: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """A warning for each dialect and reason. `lost` counts superseded records by the dialect, "" for all, and the reason that refuses their holder."""
    for (dialect, reason), count in sorted(lost.items()):
        who, nothing = (f"dialect {dialect} quarantines", "it does not train them") if dialect else ("a check quarantines", "nothing trains them")
        fix = "; on_overflow: windows keeps them" if reason == TOO_LONG else ""
        yield f"warning: the answers of {counted(count, 'superseded record')} are in longer records that {who} ({reason}), so {nothing}{fix}"
