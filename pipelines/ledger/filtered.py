"""How often the fields of `keep_if` are found: where no record has one, its name is probably wrong, and everything is filtered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.config import Config
from pipelines.ledger.books import Books
from pipelines.normalize.kept import ABSENT
from pipelines.reasons import PARSE, READ, Reason
from pipelines.records import Finding
from pipelines.visible import counted, noun_for, one_line

Row = Mapping[str, Any]
MOST_PATH = 400  # characters
FILTERED = Reason.RECORD_FILTERED.code
# Reasons of records whose fields were never looked at.
BEFORE = frozenset(reason.code for reason in Reason if reason.value.stage in (READ, PARSE))


def is_judged(reason: str) -> bool:
    """Whether `keep_if` was applied to a record that is quarantined for this reason."""
    return reason not in BEFORE


def absent_fields(findings: Iterable[Finding]) -> Iterator[str]:
    """The fields of `keep_if` that a filtered record does not have."""
    return (finding.where for finding in findings if finding.code == FILTERED and finding.detail == ABSENT)


def count_absent(rows: pa.Table) -> Counter[tuple[str, str]]:
    """(source, field) -> filtered records that do not have this field of `keep_if`, in rows of quarantine (source, reason, findings)."""
    rows = rows.filter(pc.equal(rows["reason"], FILTERED)).combine_chunks()
    findings = pc.list_flatten(rows["findings"])
    named = pa.table({"source": rows["source"].take(pc.list_parent_indices(rows["findings"])), "field": pc.struct_field(findings, "where")})
    named = named.filter(pc.equal(pc.struct_field(findings, "detail"), ABSENT))
    grouped = named.group_by(["source", "field"]).aggregate([([], "count_all")])
    return Counter(dict(zip(zip(grouped["source"].to_pylist(), grouped["field"].to_pylist(), strict=True), grouped["count_all"].to_pylist(), strict=True)))


def keep_if_facts(config: Config, books: Books, judged: Mapping[str, int], absent: Mapping[tuple[str, str], int]) -> list[dict[str, Any]]:
    """For the manifest: of every field of `keep_if`, the records that were judged and those that were filtered because they do not have it.

    `judged` are by source those in quarantine; every record with a conversation was judged too.
    """
    kept: Counter[str] = Counter()
    for book in books.files:
        kept[book.source] += book.kept
    return [
        {"source": source.name, "field": field, "records": kept[source.name] + judged.get(source.name, 0), "without_it": absent.get((source.name, field), 0)}
        for source in config.sources
        for field in source.keep_if
    ]


def input_warnings(books: Books, facts: Sequence[Row]) -> list[str]:
    """What no gate limits and a person should know all the same: damaged files, and sources that `keep_if` has left out altogether.

    `facts` are those of `keep_if_facts`.
    """
    return [*_damaged(books), *_left_out(books, facts)]


def _damaged(books: Books) -> Iterator[str]:
    damaged = [book for book in books.files if book.damaged]
    if damaged:
        first = f"{'' if len(damaged) == 1 else 'the first '}{one_line(damaged[0].path, MOST_PATH)}"
        rest = "what could be read of it is counted, the rest is not" if len(damaged) == 1 else "what could be read of them is counted, the rest is not"
        yield f"warning: {counted(len(damaged), 'damaged file')}, {first}: {rest}"


def _left_out(books: Books, facts: Sequence[Row]) -> Iterator[str]:
    filtered: Counter[str] = Counter()
    for book in books.files:
        filtered[book.source] += book.filtered
    for source in dict.fromkeys(row["source"] for row in facts):
        own = [row for row in facts if row["source"] == source]
        if not filtered[source] or filtered[source] != own[0]["records"]:
            continue
        absent = [row["field"] for row in own if row["without_it"] == row["records"]]
        why = f": no record has the field {', '.join(absent)}" if absent else ""
        yield f"warning: keep_if leaves out all records of source {source}, {filtered[source]:,}{why}"


def keep_if_lines(facts: Sequence[Row]) -> Iterator[str]:
    for row in facts:
        if row["records"] and row["without_it"] == row["records"]:
            yield f"{'keep_if':15} {row['records']:>9,}   {row['source']}: no record has the field {row['field']}, so all were filtered"
        elif row["without_it"]:
            yield f"{'keep_if':15} {row['without_it']:>9,}   {row['source']}: {noun_for(row['without_it'], 'record')} filtered without the field {row['field']}"
