"""Publishes a run whose gate failed, after somebody has looked at it: from its plan, without running anything again.

The row of `runs` says who opened the gate, when and why. Every step can be repeated: what was done stays done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
import pyarrow as pa

from pipelines.config.settings import Retention
from pipelines.storage.files import create_file, read_file
from pipelines.storage.locks import LostRace, batch_lock
from pipelines.storage.opening import stat_file
from pipelines.tables.publication.complete import complete
from pipelines.tables.publication.plan import read_plan
from pipelines.tables.publication.publish import check_rows, publish
from pipelines.tables.publication.root import OutputRoot, newest_of
from pipelines.tables.publication.staged import manifest_of, require_run, started_of
from pipelines.tables.schema import COLUMNS, Row

MOMENTS = ("started", "finished")


class CannotOpen(Exception):
    """The run cannot be published; the message says why, and what to do."""


class Opened(NamedTuple):
    """`row` is that of table `runs`; `is_new` is False where the run was published before."""

    row: Row
    is_new: bool


def write_row(root: OutputRoot, row: Mapping[str, Any], rows: Mapping[str, int]) -> None:
    """Keeps the row of `runs` of a run whose gate failed, and how many rows each table gets, for `publish_staged`."""
    moments = {name: row[name].isoformat() for name in MOMENTS}
    root.write_json({"row": dict(row) | moments, "rows": dict(rows)}, "_runs", row["run_id"], "row.json")


def _row_read(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The row as it was before it became JSON: Arrow wants the entries of a map as tuples."""
    maps = {field.name for field in COLUMNS["runs"] if pa.types.is_map(field.type)}
    row = {name: [tuple(pair) for pair in value] if name in maps and value is not None else value for name, value in kept.items()}
    return row | {name: datetime.fromisoformat(kept[name]) for name in MOMENTS}


def publish_staged(root: OutputRoot, run_id: str, by: str, reason: str | None, days: int | None, say: Callable[[str], None]) -> Opened:
    """Publishes the run. `days` of retention: those of the run's own settings where None.

    Raises CannotOpen, NotPublished where there is no such run, LostRace, RowCountMismatch or RootDamaged.
    """
    if days is None:
        settings = manifest_of(root, run_id).get("settings") or {}
        days = int((settings.get("retention") or {}).get("days") or Retention().days)
    if (done := _published(root, run_id, days)) is not None:
        return Opened(done, False)
    manifest = require_run(root, run_id)
    if manifest["status"] != "gate_failed":
        raise CannotOpen(f"run {run_id} ended with {manifest['status'].replace('_', ' ')}; only a run whose gate failed can be published")
    with batch_lock(root.uri, manifest["batch"], run_id, root.stores, say):
        if (done := _published(root, run_id, days)) is not None:
            return Opened(done, False)
        runs = root.runs()
        complete(root, runs, days)
        return Opened(_publish(root, manifest, runs, by, reason, days), True)


def _publish(root: OutputRoot, manifest: Row, runs: Sequence[Row], by: str, reason: str | None, days: int) -> Row:
    run_id, batch = manifest["run_id"], manifest["batch"]
    seen = [row for row in runs if row["version"] <= started_of(root, run_id)]
    earlier, now = newest_of(seen, batch), newest_of(runs, batch)
    if now is not None and (earlier is None or now["run_id"] != earlier["run_id"]):
        raise CannotOpen(f"run {now['run_id']} has published batch {batch} since; this run was compared with an earlier state. Run the batch again")
    try:
        kept, plan = root.read_json("_runs", run_id, "row.json"), read_plan(root, run_id)
    except FileNotFoundError:
        raise CannotOpen(f"run {run_id} did not keep what it was going to publish; run the batch again") from None
    row = _row_read(kept["row"])
    row["opened"] = _opening(root, run_id, by, reason, manifest.get("gates_failed") or manifest.get("words") or ())
    check_rows(plan, kept["rows"])
    try:
        runs = publish(root, plan, row, earlier, days)
    except LostRace as error:
        raise CannotOpen(f"{error}. Nothing of this run is published") from None
    complete(root, runs, days)
    return runs[-1]


def _opening(root: OutputRoot, run_id: str, by: str, reason: str | None, gates: Sequence[str]) -> dict[str, Any]:
    """Who opened the gate, when by the clock of the store, and why. A second attempt finds what the first has noted."""
    path = root.path("_runs", run_id, "opened.json")
    create_file(path, orjson.dumps({"by": by, "reason": reason, "gates": list(gates)}), root.stores)
    noted = orjson.loads(read_file(path, root.stores))
    at = stat_file(path, root.stores).modified // 1000
    return noted | {"at": datetime.fromtimestamp(at / 1_000_000, UTC)}


def _published(root: OutputRoot, run_id: str, days: int) -> Row | None:
    """The row of the run if it is published; then the tables have it too."""
    runs = root.runs()
    row = next((row for row in runs if row["run_id"] == run_id), None)
    if row is not None:
        complete(root, runs, days)
    return row
