"""What the report says about causes: the reasons by source, the worst files, and what is usual for each reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from pipelines.ledger.books import Books, rounded, wanted

Row = Mapping[str, Any]
MOST_FILES = 200


def cause_rows(causes: Mapping[tuple[str, str, str], int]) -> list[dict[str, Any]]:
    """The rows of quarantine by source, by reason, and by what was put there: a record, a conversation for one dialect, or a damaged file.

    >>> cause_rows({("gui", "image.missing", "record"): 3})
    [{'source': 'gui', 'reason': 'image.missing', 'of': 'record', 'rows': 3}]
    """
    return [{"source": source, "reason": reason, "of": of, "rows": rows} for (source, reason, of), rows in sorted(causes.items())]


def worst_files(books: Books) -> list[dict[str, Any]]:
    """At most MOST_FILES files that have lost records, or that are damaged; those that have lost most come first.

    `lost` is counted as the gate `max_quarantined` counts it, and `reason` is that of most of it.
    """
    reasons: dict[tuple[str, str], dict[str, float]] = {}
    for (source, path, reason, is_lost), count in books.blame.items():
        if is_lost:
            own = reasons.setdefault((source, path), {})
            own[reason] = rounded(own.get(reason, 0) + count)
    found = [(books.lost_of(book), book) for book in books.files if books.lost_of(book) or book.damaged]
    worst = sorted(found, key=lambda pair: (-pair[0], -pair[1].damaged, pair[1].source, pair[1].path))[:MOST_FILES]
    return [
        {"source": book.source, "path": book.path, "records": book.records, "wanted": wanted(book), "lost": lost, "damaged": book.damaged}
        | _main_reason(reasons, book.source, book.path)
        for lost, book in worst
    ]


def _main_reason(reasons: Mapping[tuple[str, str], Mapping[str, float]], source: str, path: str) -> dict[str, Any]:
    """The reason of most records, the first by name of several, with their number; and how many reasons there are."""
    own = reasons.get((source, path), {})
    reason = max(sorted(own), key=lambda code: own[code], default="")
    return {"reason": reason, "reason_lost": own.get(reason, 0), "reasons": len(own)}


def usual_reasons(manifests: Iterable[Row]) -> dict[str, Any]:
    """The median number of rows in quarantine for each reason, in these earlier batches; a batch without the reason counts as 0.

    >>> usual_reasons([{"reasons": {"image.missing": 3}}, {"reasons": {"image.missing": 5}}, {"reasons": {}}])
    {'batches': 3, 'rows': {'image.missing': 3}}
    """
    counts: list[Mapping[str, int]] = [manifest["reasons"] for manifest in manifests if "reasons" in manifest]
    codes = sorted({code for count in counts for code in count})
    return {"batches": len(counts), "rows": {code: median(count.get(code, 0) for count in counts) for code in codes}}
