"""The index page: all batches of an output root with links to their reports, and how they have gone over the nights.

It is made of the rows of table `runs`, which every publication has read anyway, so it needs no state of its own and costs the same every night.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pipelines.reports import plots
from pipelines.reports.page import template
from pipelines.storage.files import write_file
from pipelines.tables.publication.root import OutputRoot
from pipelines.visible import counted, one_line

MOST_BATCHES = 400
MOST_NAME = 200  # characters
WIDTH, HEIGHT = 320, 90

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch as its newest run published it. `tokens` and `rows` are None where an older version published it."""

    batch: str
    report: str  # a link, relative to the index page
    finished: str
    records: int
    kept: int
    quarantined: int
    share: float
    rows: int | None
    tokens: int | None
    is_opened: bool  # a gate failed, and somebody published it all the same


@dataclass(frozen=True, slots=True)
class Trend:
    """One figure of each batch as bars, the oldest first."""

    title: str
    unit: str
    bars: tuple[plots.Bar, ...]
    ticks: tuple[plots.Tick, ...]


def write_index(root: OutputRoot, runs: Sequence[Row]) -> None:
    """Writes `reports/index.html`. `runs` are rows of table `runs`, in the order of their publication. Raises OSError and StoreError."""
    write_file(root.path("reports", "index.html"), render_index(batch_rows(runs)).encode(), root.stores)


def batch_rows(runs: Sequence[Row]) -> list[BatchRow]:
    """The newest run of each batch, in the order in which the batches were first published; the last MOST_BATCHES."""
    newest: dict[str, Row] = {}
    for row in runs:
        newest[row["batch"]] = row
    return [_batch_row(row) for row in list(newest.values())[-MOST_BATCHES:]]


def _batch_row(row: Row) -> BatchRow:
    states: dict[str, int] = dict(row.get("states") or {})
    finished = row.get("finished")
    return BatchRow(
        one_line(row["batch"], MOST_NAME),
        f"{quote(row['batch'], safe='')}/report.html",
        f"{finished:%Y-%m-%d %H:%M}" if finished else "",
        states.get("records", 0),
        states["kept"] if "kept" in states else states.get("conversations", 0),
        states.get("quarantined", 0),
        row.get("quarantined_share") or 0.0,
        states.get("rows"),
        states.get("tokens"),
        bool(row.get("opened")),
    )


def render_index(batches: Sequence[BatchRow]) -> str:
    return template("index.html").render(batches=batches, trends=trends_of(batches), width=WIDTH, height=HEIGHT, most=MOST_BATCHES)


def trends_of(batches: Sequence[BatchRow]) -> list[Trend]:
    """The trends of records, kept records, the quarantined share and tokens."""
    return [
        _trend("records read", "records", batches, lambda row: row.records, lambda value: counted(int(value), "record")),
        _trend("records kept", "records", batches, lambda row: row.kept, lambda value: counted(int(value), "record")),
        _trend("quarantined", "%", batches, lambda row: 100 * row.share, lambda value: f"{value:.2f} %"),
        _trend("tokens of all models", "tokens", batches, lambda row: row.tokens or 0, lambda value: counted(int(value), "token")),
    ]


def _trend(title: str, unit: str, batches: Sequence[BatchRow], of: Callable[[BatchRow], float], words: Callable[[float], str]) -> Trend:
    values = [of(row) for row in batches]
    highest = max(values, default=0) or 1
    most = plots.end_of_axis(highest, whole=highest > 5)
    width = WIDTH / max(len(values), 10)  # a few batches do not fill the plot
    gap = 1.0 if width > 3 else 0.0
    bars = [
        plots.Bar(i * width, HEIGHT * (1 - value / most), width - gap, HEIGHT * value / most, f"{row.batch}: {words(value)}")
        for i, (row, value) in enumerate(zip(batches, values, strict=True))
    ]
    return Trend(title, unit, tuple(bars), tuple(plots.ticks(most, HEIGHT, whole=highest > 5)))
