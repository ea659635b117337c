"""The row of table `runs` that publishes a run. It is small: what grows with the number of files lies under `_runs/<run_id>/`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pipelines.flow import Flow
from pipelines.ledger.books import STATES, Books
from pipelines.ledger.manifest import Json, code_fingerprint, config_fingerprint, tokenizer_facts
from pipelines.ledger.reader_settings import reader_settings

Row = Mapping[str, Any]


def run_row(
    flow: Flow, run_id: str, batch: str, kind: str, books: Books, inputs: Sequence[Row], inputs_sha256: str, started: datetime, finished: datetime
) -> Json:
    """Without the columns that only the commit knows: `version` and `versions`."""
    files = Counter(row["source"] for row in inputs)
    return {
        "run_id": run_id,
        "batch": batch,
        "kind": kind,
        "states": [*books.states().items(), *books.written.items()],
        "quarantined_share": books.quarantined_share(),
        "reasons": list(books.reasons.items()),
        "sources": [(source, {"files": count, "records": books.records_of(source)}) for source, count in files.items()],
        "inputs_sha256": inputs_sha256,
        "code": code_fingerprint(),
        "config": config_fingerprint(flow.config),
        "tokenizers": [(name, facts["fingerprint"]) for name, facts in tokenizer_facts(flow).items()],
        "settings": reader_settings(flow),
        "started": started,
        "finished": finished,
        "opened": None,
    }


def input_rows_with_books(books: Books, inputs: Sequence[Row]) -> list[Json]:
    """The input files, each with what became of its records."""
    book_of = {(book.source, book.path): book for book in books.files}
    return [dict(file) | {name: getattr(book_of.get((file["source"], file["path"])), name, 0) for name in STATES} for file in inputs]
