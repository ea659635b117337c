"""What a person reads at the end of a run: where every record went, in a few aligned lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.books import Books

SPLITS = ("train", "val", "test")


def summary_lines(books: Books, splits: Sequence[Mapping[str, Any]], repairs: Mapping[str, int]) -> list[str]:
    """Records in, states, reasons and repairs by number, and rows and tokens per dialect and split."""
    states = books.states()
    damaged = f", {states['damaged']} damaged files" if states["damaged"] else ""
    lines = [
        f"records in      {states['records']:>9,}   = {states['conversations']:,} conversations + {states['quarantined']:,} quarantined"
        f" + {states['duplicates']:,} duplicates{damaged}"
    ]
    for dialect in dict.fromkeys(book.dialect for book in books.dialects):
        offered, clean, repaired, quarantined = (
            sum(getattr(book, name) for book in books.dialects if book.dialect == dialect) for name in ("offered", "clean", "repaired", "quarantined")
        )
        lines.append(f"{dialect:15} {offered:>9,}   = {clean:,} clean + {repaired:,} repaired + {quarantined:,} quarantined")
    lines += _split_lines(splits)
    lines += _code_lines("quarantined", books.reasons)
    lines += _code_lines("repaired", repairs)
    return lines


def _split_lines(splits: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = sorted(splits, key=lambda row: (row["dialect"], SPLITS.index(row["split"])))
    return [f"{row['dialect']:15} {row['split']:5} {row['rows']:>9,} rows {row['tokens']:>13,} tokens {row['target_tokens']:>11,} trained" for row in rows]


def _code_lines(title: str, counts: Mapping[str, int]) -> list[str]:
    return [f"{title:15} {count:>9,}   {code}" for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
