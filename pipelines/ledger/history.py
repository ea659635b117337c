"""The history of one record: every run that saw it, and what each run made of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import pyarrow.dataset as ds

from pipelines.config import Limits
from pipelines.containers import read_records
from pipelines.containers.listing import listed_ways
from pipelines.ledger.books import state_of
from pipelines.storage.locations import StoreError, absolute
from pipelines.storage.opening import stat_file
from pipelines.storage.stores import ENVIRONMENT, Stores
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.publication.staged import as_of_run, staged_runs
from pipelines.tables.reading import NotPublished, Row, open_files
from pipelines.training.tables import Published

EARLY_LINE, EARLY_SIZE = 1_000, 16 << 20
TABLES = ("conversations", "samples", "quarantine")
SHOWN = {
    "conversations": ["sample_id", "episode_id", "origin", "format", "messages", "tools", "images", "repairs", "findings", "extra", "split"],
    "samples": ["dialect", "split", "window", "num_tokens", "num_target_tokens", "repairs", "findings"],
    "quarantine": ["dialect", "origin", "stage", "reason", "findings", "raw", "run_id"],
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What one run made of the record: its `rows` by table, or None where the files of that run have been deleted.

    `status` is published, or how a run ended that was not published; `run` then has its run_id, batch, kind and finished only.
    """

    run: Row
    rows: dict[str, list[Row]] | None
    status: str = "published"

    def states(self) -> list[str]:
        """`conversation`, `glm_4: clean`, `quarantined: image.missing`, `filtered`, ... in this order."""
        if self.rows is None:
            return ["the files of this run have been deleted"]
        states = ["conversation"] if self.rows["conversations"] else []
        states += [_sample_state(row, self.rows["samples"]) for row in self.rows["samples"] if not row["window"]]
        return states + [f"{row['dialect'] + ': ' if row['dialect'] else ''}{state_of(row['reason'])}" for row in self.rows["quarantine"]]


def _sample_state(row: Row, samples: list[Row]) -> str:
    """Of the row of a conversation, or of its first window."""
    windows = max((other["window"] or 0) + 1 for other in samples if other["dialect"] == row["dialect"])
    state = f"{row['dialect']}: {'repaired' if row['repairs'] else 'clean'}"
    return f"{state}, in {windows} windows" if windows > 1 else state


def history_of(root: str, record_id: str, stores: Stores = ENVIRONMENT) -> Iterator[Seen]:
    """One entry per run that saw the record: the published ones in the order of their publication, then those that were not published.

    Raises NotPublished where no run has ended under this root.
    """
    output = OutputRoot(absolute(os.fspath(root)), stores)
    runs = output.runs()
    staged = staged_runs(output, runs)
    if not runs and not staged:
        raise NotPublished(f"nothing is published under {output.uri}")
    yield from _published(output.published(runs), record_id)
    for manifest in reversed(staged):
        run = {"kind": "batch"} | {name: manifest[name] for name in ("run_id", "batch", "kind") if name in manifest}
        run["finished"] = datetime.fromisoformat(manifest["finished"])
        try:
            published, batch = as_of_run(output, run["run_id"])
            rows = {table: _rows(published, table, batch, record_id) for table in TABLES}
        except (OSError, NotPublished):
            continue
        if any(rows.values()):
            yield Seen(run, rows, manifest["status"])


def _published(published: Published, record_id: str) -> Iterator[Seen]:
    for run in published.runs:
        try:
            rows = {table: _rows(published.as_of(run["run_id"]), table, run["batch"], record_id) for table in TABLES}
        except (OSError, NotPublished):
            yield Seen(run, None)
            continue
        if any(rows.values()):
            yield Seen(run, rows)


def kept_bytes(seen: Seen) -> bytes | None:
    """The record's bytes: from quarantine, or else from its file if the file still has them; None if neither has."""
    rows = seen.rows or {}
    for row in rows.get("quarantine", ()):
        if row["raw"] is not None:
            return bytes(row["raw"])
    return next((raw for row in rows.get("conversations", ()) if (raw := bytes_of_origin(row["origin"])) is not None), None)


def _rows(published: Published, table: str, batch: str, record_id: str) -> list[Row]:
    found = open_files(published.root, table, [file.path for file in published.files(table, batch=batch)], published.fs)
    rows: list[Row] = found.to_table(columns=SHOWN[table], filter=ds.field("record_id") == record_id).to_pylist()
    return sorted(rows, key=lambda row: (row["origin"]["path"], row["origin"]["line"]) if "origin" in row else (row["dialect"], row["window"] or 0))


def bytes_of_origin(origin: Row, stores: Stores = ENVIRONMENT) -> bytes | None:
    """The bytes of the record at this place, if its log still has them."""
    with suppress(OSError, StoreError):
        for file in listed_ways(origin["path"], origin["source"], stores):
            raw = next((record.raw for record in read_records(file, Limits(), stores) if record.origin.line >= origin["line"]), b"")
            if hashlib.sha256(raw).hexdigest() == origin["sha256"]:
                return raw
    return None


def early_bytes(origin: Row, stores: Stores) -> bytes | None:
    """The same for a record near the beginning of a log that is not large, so that a report does not read whole logs again; None for any other."""
    with suppress(OSError, StoreError):
        if 0 < origin["line"] <= EARLY_LINE and stat_file(origin["path"], stores).size <= EARLY_SIZE:
            return bytes_of_origin(origin, stores)
    return None
