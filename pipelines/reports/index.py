"""The index page: all batches of an output root with links to their reports, and how they have gone over the nights.

It is made of the rows of table `runs`, which every publication has read anyway, and of the manifests of runs that were not published. So it needs
no state of its own and costs the same every night.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

from pipelines.reports import plots
from pipelines.reports.page import template
from pipelines.storage.files import write_file
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.publication.staged import last_staged_reports
from pipelines.tables.schema import Row
from pipelines.visible import counted, one_line

MOST_BATCHES = 400
MOST_NAME = 200  # characters
MOST_WORDS, MOST_GATES = 400, 3  # characters of a sentence, and sentences that say why a run was not published
WIDTH, HEIGHT = 320, 90


@dataclass(frozen=True, slots=True)
class Staged:
    """The last run of a batch, if it was not published: how it ended, why, and the command that comes next ("" for none)."""

    report: str  # a link, relative to the index page
    ended: str
    finished: str
    share: float
    why: tuple[str, ...]
    next: str


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch as its newest run published it, or as a run left it that was not published. `tokens` and `rows` are None where an older version published it."""

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
    is_published: bool = True
    staged: Staged | None = None


@dataclass(frozen=True, slots=True)
class Trend:
    """One figure of each batch as bars, the oldest first."""

    title: str
    unit: str
    bars: tuple[plots.Bar, ...]
    ticks: tuple[plots.Tick, ...]


def write_index(root: OutputRoot, runs: Sequence[Row]) -> None:
    """Writes `reports/index.html`. `runs` are rows of table `runs`, in the order of their publication. Raises OSError and StoreError."""
    page = render_index(batch_rows(runs, last_staged_reports(root, runs)))
    write_file(root.path("reports", "index.html"), page.encode(), root.stores)


def batch_rows(runs: Sequence[Row], staged: Iterable[Row] = ()) -> list[BatchRow]:
    """A row for each batch, in the order in which they were first published; the last MOST_BATCHES.

    `staged` are the manifests of runs that were not published, one per batch. A batch that has nothing else stands where it would if it had been published.
    """
    first: dict[str, Row] = {}
    newest: dict[str, Row] = {}
    for row in runs:
        first.setdefault(row["batch"], row)
        newest[row["batch"]] = row
    rows = {batch: _batch_row(row) for batch, row in newest.items()}
    order = [(batch, row.get("finished")) for batch, row in first.items()]
    for manifest in staged:
        batch, ended = manifest["batch"], datetime.fromisoformat(manifest["finished"])
        if batch in rows:
            rows[batch] = replace(rows[batch], staged=_staged_of(manifest))
        else:
            rows[batch] = _unpublished_row(manifest)
            place = next((i for i, (_, finished) in enumerate(order) if finished and finished > ended), len(order))
            order.insert(place, (batch, ended))
    return [rows[batch] for batch, _ in order[-MOST_BATCHES:]]


def _batch_row(row: Row) -> BatchRow:
    states: dict[str, int] = dict(row.get("states") or {})
    return BatchRow(
        one_line(row["batch"], MOST_NAME),
        f"{quote(row['batch'], safe='')}/report.html",
        _moment(row.get("finished")),
        states.get("records", 0),
        states["kept"] if "kept" in states else states.get("conversations", 0),
        states.get("quarantined", 0),
        row.get("quarantined_share") or 0.0,
        states.get("rows"),
        states.get("tokens"),
        bool(row.get("opened")),
    )


def _unpublished_row(manifest: Row) -> BatchRow:
    splits = manifest.get("splits") or ()
    sums = {name: sum(row[name] for row in splits) for name in ("rows", "tokens")}
    found = {"states": (manifest.get("counts") or {}) | sums, "finished": datetime.fromisoformat(manifest["finished"])}
    staged = _staged_of(manifest)
    return replace(_batch_row({**manifest, **found, "opened": None}), report=staged.report, is_published=False, staged=staged)


def _staged_of(manifest: Row) -> Staged:
    why = manifest.get("gates_failed") or manifest.get("words") or ()
    return Staged(
        f"{quote(manifest['batch'], safe='')}/staged/report.html",
        manifest["status"].replace("_", " "),
        _moment(datetime.fromisoformat(manifest["finished"])),
        manifest.get("quarantined_share") or 0.0,
        tuple(one_line(words, MOST_WORDS) for words in why[:MOST_GATES]),
        one_line(manifest.get("next") or "", MOST_WORDS),
    )


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


def render_index(batches: Sequence[BatchRow]) -> str:
    published = sum(row.is_published for row in batches)
    facts = {"published": published, "staged": sum(row.staged is not None for row in batches), "most": MOST_BATCHES}
    return template("index.html").render(batches=batches, trends=trends_of(batches), width=WIDTH, height=HEIGHT, **facts)


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
        plots.Bar(
            i * width,
            HEIGHT * (1 - value / most),
            width - gap,
            HEIGHT * value / most,
            f"{row.batch}: {words(value)}{'' if row.is_published else ', not published'}",
            not row.is_published,
        )
        for i, (row, value) in enumerate(zip(batches, values, strict=True))
    ]
    return Trend(title, unit, tuple(bars), tuple(plots.ticks(most, HEIGHT, whole=highest > 5)))
