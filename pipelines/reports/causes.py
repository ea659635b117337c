"""The tables of causes: reasons by source with what is usual, the worst files, and each reason with its examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from pipelines.ledger.books import ASIDE
from pipelines.ledger.picks import EXAMPLES
from pipelines.reasons import reason_of
from pipelines.visible import one_line

HEAD = 400  # characters of a raw record
MOST_DETAIL = 1_000  # characters of a finding's detail, and of its place
MOST_PATH = 400  # characters
MOST_SOURCES = 12  # columns; the others are one column
TWICE = 2.0  # times the usual number: worth a look

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """One finding in one record; `head` is the beginning of the record, safe to display."""

    path: str
    line: int
    where: str
    detail: str
    head: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class ReasonRow:
    code: str
    stage: str
    severity: str
    meaning: str
    fix: str
    upstream: str
    count: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """The rows of table `quarantine` for one reason: `counts` by source, in the order of the matrix, and `usual` in the last batches (None without any)."""

    code: str
    meaning: str
    counts: tuple[int, ...]
    total: int
    usual: float | None
    is_aside: bool  # not refused: a duplicate, superseded or filtered

    @property
    def change(self) -> str:
        """`new`, `3.1 times`, `as usual`, `fewer`; "" without earlier batches."""
        if self.usual is None:
            return ""
        if not self.usual:
            return "new"
        times = self.total / self.usual
        return f"{times:.{1 if times < 9.95 else 0}f} times" if times >= TWICE else "fewer" if times < 1 / TWICE else "as usual"

    @property
    def is_unusual(self) -> bool:
        return self.change == "new" or self.change.endswith("times")


@dataclass(frozen=True, slots=True)
class Matrix:
    """Reasons by source, the most frequent first. `batches` is the number of earlier batches that `usual` is the median of."""

    sources: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    most: int  # the largest count of a cell
    batches: int
    missing: tuple[tuple[str, float], ...]  # reasons that are usual and did not occur


@dataclass(frozen=True, slots=True)
class WorstFile:
    """A file of which `lost` records were quarantined, `reason_lost` of them for `reason`; `reasons` is the number of its reasons. `wanted` are its
    records that the gate counts: a manifest of an older version does not say how many."""

    source: str
    path: str
    records: int
    lost: float
    damaged: int
    reason: str
    reason_lost: float
    reasons: int
    wanted: int | None = None


def matrix_of(manifest: Row) -> Matrix:
    """Its cells add up to the counts of `reasons` in the manifest, and so to the rows of table `quarantine`."""
    cells: Counter[tuple[str, str]] = Counter()
    for row in manifest.get("causes") or ():
        cells[row["source"], row["reason"]] += row["rows"]
    sources: Counter[str] = Counter()
    for (source, _), rows in cells.items():
        sources[source] += rows
    names = sorted(sources, key=lambda source: (-sources[source], source))
    shown, others = names[:MOST_SOURCES], names[MOST_SOURCES:]
    usual = manifest.get("usual_reasons") or {"batches": 0, "rows": {}}
    found: list[MatrixRow] = []
    for code, total in manifest["reasons"].items():
        counts = [cells[source, code] for source in shown] + ([sum(cells[source, code] for source in others)] if others else [])
        before = usual["rows"].get(code, 0) if usual["batches"] else None
        found.append(MatrixRow(code, reason_of(code).value.meaning, tuple(counts), total, before, code in ASIDE))
    found.sort(key=lambda row: (row.is_aside, -row.total, row.code))
    missing = sorted(((code, count) for code, count in usual["rows"].items() if count and code not in manifest["reasons"]), key=lambda one: (-one[1], one[0]))
    columns = (*shown, *([f"{len(others)} other sources"] if others else []))
    return Matrix(columns, tuple(found), max((count for row in found for count in row.counts), default=0), usual["batches"], tuple(missing))


def worst_of(manifest: Row) -> tuple[WorstFile, ...]:
    return tuple(WorstFile(**row | {"path": one_line(row["path"], MOST_PATH)}) for row in manifest.get("worst_files") or ())


def common_folder(paths: Sequence[str]) -> str:
    """The folder that all of several paths begin with; "" where there is none.

    >>> common_folder(["/data/logs/gui/a.jsonl", "/data/logs/chat/b.jsonl"]), common_folder(["/data/a.jsonl"]), common_folder(["a", "b"])
    ('/data/logs/', '', '')
    """
    if len(paths) < 2:
        return ""
    folders = zip(min(paths).split("/")[:-1], max(paths).split("/")[:-1], strict=False)  # the others lie between these two
    return "".join(f"{name}/" for name, other in takewhile(lambda pair: pair[0] == pair[1], folders))


def reason_row(code: str, count: int, examples: Sequence[Row]) -> ReasonRow:
    """A reason with its meaning and fix, and up to three of these rows as examples."""
    row = reason_of(code).value
    return ReasonRow(code, row.stage, row.severity, row.meaning, row.fix, row.upstream, count, tuple(example_of(code, row) for row in examples[:EXAMPLES]))


def example_of(code: str, row: Row) -> Example:
    """The row's finding with this code. Only rows of `quarantine` have `raw`; others get an empty head."""
    origin = row["origin"]
    found: Row = next((finding for finding in row["findings"] if finding["code"] == code), {})
    raw = bytes(row.get("raw") or b"")[: 4 * HEAD + 4].decode("utf-8", "replace")
    where, detail = (one_line(found.get(name, ""), MOST_DETAIL) for name in ("where", "detail"))
    before, after = row.get("change") or ("", "")
    return Example(one_line(origin["path"], MOST_PATH), origin["line"], where, detail, one_line(raw, HEAD), before, after)
