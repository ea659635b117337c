"""What a run says when it was not published: where most was lost, against the last batches, and which command comes next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict

from pipelines.ledger.batches import BATCHES_COMPARED, latest_runs_of_others
from pipelines.ledger.books import Books
from pipelines.ledger.manifest import Json
from pipelines.ledger.worst import Usual, is_of_a_share, usual_of, worst_of
from pipelines.reasons import Reason
from pipelines.spark.run.staging import Run
from pipelines.tables.publication.root import newest_of
from pipelines.tables.reading import input_rows_of


def advice(run: Run, books: Books, words: Sequence[str], usual: Json, is_gate: bool) -> Json:
    """`worst` and `next`, for the result line and the manifest, and `lines` for a person. `words` say why the run is not published,
    and `usual` is the usual number of rows for each reason.

    `next` shows the rows that were lost; or if a gate of what came in failed, how the batch differs from the published one.
    """
    root, run_id = shlex.quote(run.root.uri), shlex.quote(run.run_id)
    if not is_gate:
        errors = f"episodes quarantine {root} --run {run_id} --reason {Reason.INTERNAL_ERROR.code}"
        return {"worst": None, "next": errors, "lines": [f"next: {errors}"]}
    worst = worst_of(books, _usual(run, usual), run.config.gates.max_quarantined) if any(map(is_of_a_share, words)) else None
    shown = None
    if worst is not None:
        shown = f"episodes quarantine {root} --run {run_id} --source {shlex.quote(worst.source)} --reason {worst.reason}"
    elif newest_of(run.runs, run.batch) is not None:  # too few records came in, or too many: which files are gone, and which are new
        shown = f"episodes diff {root} {shlex.quote(run.batch)} {run_id}"
    opened = f"to publish it all the same: episodes publish {root} {run_id} --reason TEXT"
    lines = [*(worst.words() if worst else ()), *([f"next: {shown}"] if shown else ()), opened]
    return {"worst": asdict(worst) if worst else None, "next": shown, "lines": lines}


def _usual(run: Run, reasons: Json) -> Usual:
    """The last other batches, as published now; the shares of those whose files are gone do not count."""
    nights = []
    for row in latest_runs_of_others(run.runs, run.batch)[-BATCHES_COMPARED:]:
        with suppress(FileNotFoundError):
            nights.append(input_rows_of(run.root, row["run_id"]))
    return usual_of(reasons, nights)
