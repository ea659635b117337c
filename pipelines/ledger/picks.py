"""The rows that a report shows: the first ones of each reason, and of each dialect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

EXAMPLES = 3  # per reason
PLACE = ["path", "line", "row_min"]
CARDS = 2  # per dialect


class StagedFile(NamedTuple):
    """A staged file: its table, its partition (a=b/c=d) and its path."""

    table: str
    partition: str
    path: str


class Pick(NamedTuple):
    """A row that the report may show; the least `order` comes first."""

    order: tuple[Any, ...]
    table: str
    partition: str
    path: str
    row: int


def pick_examples(into: dict[str, list[Pick]], rows: pa.Table, staged: StagedFile) -> None:
    """Keeps rows of each code: the first by place of each of the first files, and then those after it."""
    for code in pc.unique(rows["code"]).to_pylist():
        found = rows.filter(pc.equal(rows["code"], code)).group_by(["path", "line"]).aggregate([("row", "min")])
        paths = pc.unique(found["path"])
        first = _least(found, PLACE, EXAMPLES)
        if len(paths) > 1:
            for path in sorted(paths.to_pylist())[:EXAMPLES]:
                first += _least(found.filter(pc.equal(found["path"], path)), PLACE, 1)
        picks = [Pick((path, line), *staged, row) for path, line, row in first]
        into[code] = from_different_files([*into.get(code, ()), *picks])


def from_different_files(picks: Iterable[Pick]) -> list[Pick]:
    """At most EXAMPLES of these, each of another record: the first of each file before the second of any. The first of all, by place, stays the first.

    It does not matter whether picks are added up at once or in parts.
    """
    seen: Counter[str] = Counter()
    ranked: list[tuple[int, Pick]] = []
    for _, same_record in groupby(sorted(set(picks)), key=lambda pick: pick.order):
        pick = next(same_record)
        ranked.append((seen[pick.order[0]], pick))
        seen[pick.order[0]] += 1
    return [pick for _, pick in sorted(ranked)[:EXAMPLES]]


def pick_cards(into: dict[str, list[Pick]], rows: pa.Table, staged: StagedFile, dialect: str) -> None:
    grids = rows["images"].combine_chunks()
    sliced = pc.unique(pc.list_parent_indices(grids).filter(pc.is_valid(pc.struct_field(pc.list_flatten(grids), "grid"))))
    is_plain = pc.invert(pc.is_in(pa.array(np.arange(len(rows))), sliced.cast(pa.int64())))
    ordered = rows.select(["sample_id", "row"]).append_column("plain", is_plain.cast(pa.int8()))
    first = _least(ordered, ["plain", "sample_id", "row"], CARDS)
    picks = [Pick((plain, sample_id), *staged, row) for plain, sample_id, row in first]
    into[dialect] = sorted([*into.get(dialect, ()), *picks])[:CARDS]


def _least(table: pa.Table, order: Sequence[str], most: int) -> list[tuple[Any, ...]]:
    least = table.take(pc.select_k_unstable(table, most, [(name, "ascending") for name in order]))
    return list(zip(*(least[name].to_pylist() for name in order), strict=True))
