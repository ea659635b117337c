"""Runs that ended without being published, because a gate failed or the code did: their rows and reports are kept for a reader."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from pipelines.storage.files import names_in
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.schema import Row
from pipelines.training.tables import NotPublished, Published

ENDED = ("gate_failed", "internal_error")


def staged_runs(root: OutputRoot, runs: Sequence[Row], batch: str | None = None) -> list[dict[str, Any]]:
    """The manifests of the runs that ended without being published, of one batch or of all; the one that ended last comes first."""
    published = {row["run_id"] for row in runs}
    names = [name for name in names_in(root.path("_runs"), root.stores) if name not in published and (batch is None or name.startswith(f"{batch}."))]
    found = [manifest for name in names if (manifest := manifest_of(root, name)).get("status") in ENDED and batch in (None, manifest["batch"])]
    return sorted(found, key=lambda manifest: str(manifest.get("finished")), reverse=True)


def manifest_of(root: OutputRoot, run_id: str) -> dict[str, Any]:
    """The manifest that this run wrote when it ended; {} where it wrote none."""
    try:
        found: dict[str, Any] = root.read_json("_runs", run_id, "manifest.json")
    except FileNotFoundError:
        return {}
    return found


def as_of_run(root: OutputRoot, run_id: str) -> tuple[Published, str]:
    """(the tables as they were when this run was published, or as they would be if a staged run were published now; its batch).

    Raises NotPublished where the run has no rows here.
    """
    runs = root.runs()
    for row in runs:
        if row["run_id"] == run_id:
            return root.published(runs).as_of(run_id), row["batch"]
    batch = manifest_of(root, run_id).get("batch")
    if batch is None or not root.exists("_runs", run_id, "plan.json"):
        known = sorted({row["run_id"] for row in runs} | {manifest["run_id"] for manifest in staged_runs(root, runs)})
        near = get_close_matches(run_id, known, n=2)
        raise NotPublished(f"no run {run_id} under {root.uri}" + (f"; did you mean {' or '.join(near)}?" if near else ""))
    newest = runs[-1]["version"] if runs else -1
    return root.published((*runs, {"run_id": run_id, "batch": batch, "version": newest + 1, "sources": {}})), batch
