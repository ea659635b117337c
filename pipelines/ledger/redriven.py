"""Which batches a redrive has to run again, and how much less of a batch is quarantined after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.ledger.books import Books, rounded
from pipelines.visible import amount, noun_for


def batches_with(runs: Sequence[Mapping[str, Any]], reason: str, since: str | None) -> tuple[list[str], str]:
    """(the batches from `since` on that have rows with this reason, by name; what to say if there is none).

    `runs` are rows of table `runs` in the order of their publication. A row without the column `reasons` counts as having it.

    >>> batches_with([{"batch": "mon", "reasons": {"image.missing": 2}}, {"batch": "mon", "reasons": {}}, {"batch": "tue", "reasons": {}}], "image.missing", None)
    ([], 'nothing to do: no record of the 2 published batches is quarantined for image.missing')
    """
    newest = {row["batch"]: row for row in runs if since is None or row["batch"] >= since}
    found = sorted(batch for batch, row in newest.items() if row.get("reasons") is None or reason in row["reasons"])
    if not newest:
        return found, f"nothing to do: no batch since {since} is published"
    which = f"batch {next(iter(newest))}" if len(newest) == 1 else f"the {len(newest):,} published batches"
    return found, f"nothing to do: no record of {which}{f' since {since}' if since and len(newest) > 1 else ''} is quarantined for {reason}"


def improvement(before: Mapping[str, Any], books: Books) -> tuple[str, ...]:
    """`quarantined before: 133 of 303 records (43.89%); now: 93 of 303 records (30.69%)`, counted as the gate max_quarantined counts.

    `before` is the row of `runs` of the batch's run before this one. Nothing is said if nothing was or is quarantined, or if an older version did not
    count it.
    """
    states: Mapping[str, int] = dict(before["states"] or {})
    wanted = states.get("records", 0) - sum(states.get(name) or 0 for name in ("duplicates", "filtered", "superseded"))
    share = before.get("quarantined_share") or 0.0
    if not states or not (share or books.lost()):
        return ()
    is_more = states.get("refused_by_all") or books.refused_by_all
    what = "quarantined, or refused by every dialect," if is_more else "quarantined"
    return (f"{what} before: {_of(share * wanted, wanted, share)}; now: {_of(books.lost(), books.wanted(), books.quarantined_share())}",)


def _of(lost: float, wanted: int, share: float) -> str:
    return f"{amount(rounded(lost))} of {wanted:,} {noun_for(wanted, 'record')} ({share:.2%})"
