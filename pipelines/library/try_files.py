"""Trying files from Python."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.config import Config
from pipelines.console.trial import Trial, json_row, try_listed
from pipelines.flow import Flow, open_flow
from pipelines.images.bytes_of import image_bytes
from pipelines.library.settings import Path, config_of
from pipelines.local import list_files, with_folders
from pipelines.reasons import reason_of
from pipelines.records import Outcome
from pipelines.reports.cards import Card, card_of
from pipelines.reports.page import template


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How often a reason or a repair was found, and where first: line, array element or row of a file, from 1; 0 for the file as a whole."""

    code: str
    count: int
    severity: str
    path: str
    line: int
    meaning: str
    fix: str

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True, repr=False)
class TrialResult:
    """What happened to the records of the files.

    `counts` are records by state, `dialects` rows by dialect and state, `reasons` the most frequent first, and `rows` the rows of all tables in input
    order, each with the name of its `table`. `exit_code` is 0 where a run of these files would publish them; otherwise `words` say why.
    """

    counts: dict[str, int]
    dialects: dict[str, dict[str, int]]
    reasons: tuple[ReasonCount, ...]
    rows: list[dict[str, Any]] = field(repr=False)
    words: tuple[str, ...]
    exit_code: int
    trial: Trial = field(repr=False)
    flow: Flow = field(repr=False)

    def __repr__(self) -> str:
        return f"<trial: {', '.join(f'{count:,} {state}' for state, count in self.counts.items() if count)}>"

    def __str__(self) -> str:
        return "\n".join(self.trial.summary())

    def _repr_html_(self) -> str:
        return template("trial.html").render(result=self, cards=self._cards())

    def _cards(self) -> list[Card]:
        """The first row of each dialect."""
        found = []
        for dialect in self.flow.dialects:
            row = next((row for row in self.rows if row["table"] == "samples" and row["dialect"] == dialect.name), None)
            if row is not None:
                words = dialect.vocabulary
                found.append(card_of(row, words.pieces, words.specials, lambda image: image_bytes(image, self.flow.config)))
        return found


def try_files(config: Path | Config, files: Path | Sequence[Path], *, batch: str | None = None, settings: Sequence[str] = ()) -> TrialResult:
    """Runs the pipeline on log files and folders in this process, without Spark, as `episodes try` does. Nothing is written.

    `config` is a configuration file, and `settings` override it (`"gates.max_quarantined=1"`), as `--set` does. A file is read as the source whose path
    matches it, else as the first. All rows stay in memory, so try a few files. Raises ConfigError and FileNotFoundError.
    """
    paths = [os.fspath(files)] if isinstance(files, str | os.PathLike) else [os.fspath(file) for file in files]
    ready = with_folders(config_of(config, settings), paths, batch)
    flow, rows = open_flow(ready), list[dict[str, Any]]()

    def keep(outcome: Outcome) -> None:
        rows.append(json_row(outcome, batch or "", ready))

    trial = try_listed(flow, list_files(ready, paths, batch), keep)
    counts = {**trial.books.reasons, **trial.facts["repairs"]}
    reasons = [_counted(code, count, *trial.facts["first"][code]) for code, count in counts.items()]
    return TrialResult(
        trial.books.states(),
        trial.books.dialect_totals(),
        tuple(sorted(reasons, key=lambda reason: (-reason.count, reason.code))),
        rows,
        trial.words,
        trial.exit_code,
        trial,
        flow,
    )


def _counted(code: str, count: int, path: str, line: int) -> ReasonCount:
    reason = reason_of(code).value
    return ReasonCount(code, count, reason.severity, path, line, reason.meaning, reason.fix)
