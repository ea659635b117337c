"""The summary at the end of a run: where every record went, in a few aligned lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.config import Config
from pipelines.ledger.books import ASIDE, Books
from pipelines.ledger.filtered import keep_if_lines
from pipelines.ledger.unread_keys import MOST_SHOWN, by_source
from pipelines.training.tables import SPLITS
from pipelines.visible import amount, counted, noun_for, one_line, visible

MOST_PATH = 400  # characters
MOST_NAMES = 3  # of files that were passed over for one reason

Row = Mapping[str, Any]


def summary_lines(books: Books, facts: Row) -> list[str]:
    """Counts of sources, states, reasons and repairs, of rows and tokens per dialect and split, and of input that was not read.

    `facts` are those of the manifest; a fact that it lacks has no line.
    """
    states = books.states()
    filtered = f" + {states['filtered']:,} filtered" if states["filtered"] else ""
    superseded = f" + {states['superseded']:,} superseded" if states["superseded"] else ""
    damaged = f", {counted(states['damaged'], 'damaged file')}" if states["damaged"] else ""
    several = f"{states['kept']:,} with " if states["kept"] != states["conversations"] else ""
    lines = [
        *map(_source_line, facts.get("sources") or ()),
        f"records in      {states['records']:>9,}   = {several}{counted(states['conversations'], 'conversation')} + {states['quarantined']:,} quarantined"
        f" + {counted(states['duplicates'], 'duplicate')}{filtered}{superseded}{damaged}",
    ]
    if books.refused_by_all:
        lines.append(f"{'lost':15} {amount(books.lost()):>9}   {books.quarantined_words()}")
    lines += [
        f"{dialect:15} {total['offered']:>9,}   = {total['clean']:,} clean + {total['repaired']:,} repaired + {total['quarantined']:,} quarantined"
        + (f"; {counted(total['clean'] + total['repaired'] + total['more_windows'], 'row')}, because of windows" if total["more_windows"] else "")
        for dialect, total in books.dialect_totals().items()
    ]
    lines += keep_if_lines(facts.get("keep_if") or ())
    lines += _split_lines(facts.get("splits") or ())
    first = facts.get("first") or {}
    lines += _code_lines("quarantined", {code: count for code, count in books.reasons.items() if code not in ASIDE}, first)
    lines += _code_lines("put aside", {code: count for code, count in books.reasons.items() if code in ASIDE}, first)
    lines += _code_lines("repaired", facts.get("repairs") or {}, first)
    lines += [
        f"coordinates {'':13} {source}: {f'{unit}, as the values of its records say' if unit else 'not known, because too few of its records say one'}"
        for source, unit in (facts.get("coordinates") or {}).items()
    ]
    return [*lines, *_unread_lines(facts), *_episode_lines(facts), *_passed_over_lines(facts.get("passed_over") or ())]


def usual(row: Row) -> str:
    """The usual size of a source: `median of 7 batches: 12 files, 1,310 records`; "" where there is no earlier batch."""
    if not row.get("batches"):
        return ""
    median = f"{counted(row['median_files'], 'file')}, {counted(row['median_records'], 'record')}"
    return f"median of {row['batches']} batches: {median}" if row["batches"] > 1 else f"the batch before: {median}"


def _source_line(row: Row) -> str:
    compared = usual(row)
    return f"source {row['source']:12} {counted(row['files'], 'file'):>12} {counted(row['records'], 'record'):>18}" + (f"   ({compared})" if compared else "")


def _split_lines(splits: Sequence[Row]) -> list[str]:
    rows = sorted(splits, key=lambda row: (row["dialect"], SPLITS.index(row["split"])))
    return [
        f"{row['dialect']:15} {row['split']:5} {row['rows']:>9,} {noun_for(row['rows'], 'row'):4} {row['tokens']:>13,} {noun_for(row['tokens'], 'token'):6} {row['target_tokens']:>11,} trained"
        for row in rows
    ]


def _code_lines(title: str, counts: Mapping[str, int], first: Mapping[str, tuple[str, int]]) -> list[str]:
    return [f"{title:15} {count:>9,}   {code}{_place(first.get(code))}" for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def _place(first: tuple[str, int] | None) -> str:
    """`, first at logs/a.jsonl:12`; a damaged file has line 0."""
    if first is None:
        return ""
    path, line = first
    return f", first at {one_line(path, MOST_PATH)}" + (f":{line}" if line else "")


def _unread_lines(facts: Row) -> Iterator[str]:
    for source, (keys, more) in by_source(facts).items():
        for key, count in keys[:MOST_SHOWN]:
            yield f"{'unread':15} {count:>9,}   {source}: {key}"
        others = len(keys) - MOST_SHOWN
        if others > 0:
            yield f"{'unread':25}   {source}: and {counted(others, 'more key')}"
        if more:
            yield f"{'unread':25}   {source}: and up to {counted(more, 'more key')} that are listed nowhere"


def alone_by_source(config: Config, counts: Mapping[str, int]) -> dict[str, int]:
    """Of these counts of conversations without an episode id by source, those that say something.

    With `rows: {of: step}` a record without one is a whole episode, whose steps share the id of the record; a record that is one step of more is refused without one.
    """
    of_steps = {source.name for source in config.sources if source.rows.of == "step"}
    return {source: 0 if source in of_steps else count for source, count in counts.items()}


def _episode_lines(facts: Row) -> Iterator[str]:
    for source, count in (facts.get("without_episode") or {}).items():
        if count:
            yield f"{'no episode id':15} {count:>9,}   {source}: a record without one is its own episode, so the steps of one episode may be in different splits"


def _passed_over_lines(files: Sequence[Row]) -> Iterator[str]:
    """A line per reason, the most frequent first, with the first files."""
    counts = Counter(row["why"] for row in files).most_common()
    for why, count in counts[:MOST_SHOWN]:
        names = [visible(row["path"], keep="") for row in files if row["why"] == why][:MOST_NAMES]
        rest = f" and {count - MOST_NAMES:,} more" if count > MOST_NAMES else ""
        yield f"{'passed over':15} {count:>9,}   {visible(why, keep='')} ({', '.join(names)}{rest})"
    others = sum(count for _, count in counts[MOST_SHOWN:])
    if others:
        yield f"{'passed over':15} {others:>9,}   for other reasons; manifest.json lists all"
