"""Records whose answers are lost after all, because the other record that trains them is refused by a dialect or by a check of its steps.

Such a record is superseded by the other one, or is kept with these answers at weight 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from pipelines.ledger.books import Books
from pipelines.reasons import Finding, Reason
from pipelines.visible import counted

HOLDER = r", record ([0-9a-f]{64})$"  # at the end of `Held.named`
LEAVES_ANSWERS = frozenset((Reason.RECORD_SUPERSEDED.code, Reason.REPAIR_ANSWER_TRAINED_ELSEWHERE.code))
TOO_LONG = Reason.TOKENS_TOO_LONG.code


def holder_of(findings: Iterable[Finding]) -> str | None:
    """The record_id of the record that trains answers of the record with these findings; None if it trains all its answers itself."""
    found = (re.search(HOLDER, finding.detail) for finding in findings if finding.code in LEAVES_ANSWERS)
    return next((match[1] for match in found if match), None)


def may_be_lost(books: Books, repairs: Mapping[str, int]) -> bool:
    """Whether it is worth to look: records leave answers to others, and some are refused by what comes after `fold`. `repairs` counts conversations."""
    is_refused = any(book.quarantined for book in books.dialects) or any(code.startswith("check.") for code in books.reasons)
    return is_refused and bool(books.total("superseded") or repairs.get(Reason.REPAIR_ANSWER_TRAINED_ELSEWHERE.code))


def lost_answers(lost: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """A warning for each dialect and reason. `lost` counts records by the dialect, "" for all, and the reason that refuses the record that has their answers."""
    for (dialect, reason), count in sorted(lost.items()):
        who, nothing = (f"dialect {dialect} quarantines", "it does not train them") if dialect else ("a check quarantines", "nothing trains them")
        fix = "; on_overflow: windows keeps them" if reason == TOO_LONG else ""
        yield f"warning: answers of {counted(count, 'record')} are left to other records that {who} ({reason}), so {nothing}{fix}"
