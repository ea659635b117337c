"""Runs that ended without being published, because a gate failed or the code did: their rows and reports are kept for a reader."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from pipelines.storage.files import delete_folder, names_in, write_file
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.schema import Row
from pipelines.training.tables import NotPublished, Published
from pipelines.visible import did_you_mean

OPENING = "<!-- opening -->"  # in report.html, where no data can contain it
MOST_NAMED = 4  # run ids in a message
ENDED = ("gate_failed", "internal_error")


def staged_runs(root: OutputRoot, runs: Sequence[Row], batch: str | None = None) -> list[dict[str, Any]]:
    """The manifests of the runs that ended without being published, of one batch or of all; the one that ended last comes first."""
    published = {row["run_id"] for row in runs}
    names = [name for name in names_in(root.path("_runs"), root.stores) if name not in published and (batch is None or name.startswith(f"{batch}."))]
    found = [manifest for name in names if (manifest := manifest_of(root, name)).get("status") in ENDED and batch in (None, manifest["batch"])]
    return sorted(found, key=lambda manifest: str(manifest.get("finished")), reverse=True)


def last_staged_reports(root: OutputRoot, runs: Sequence[Row]) -> list[dict[str, Any]]:
    """The manifests of the runs whose reports stand at `reports/<batch>/staged`: one per batch of which nothing was published since; the oldest first."""
    newest: dict[str, dict[str, Any]] = {}
    for manifest in staged_runs(root, runs):
        newest.setdefault(manifest["batch"], manifest)
    return [manifest for batch, manifest in reversed(newest.items()) if root.exists("reports", batch, "staged", "manifest.json")]


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
    batch: str = require_run(root, run_id)["batch"]
    newest = runs[-1]["version"] if runs else -1
    return root.published((*runs, {"run_id": run_id, "batch": batch, "version": newest + 1, "sources": {}})), batch


def require_run(root: OutputRoot, run_id: str) -> dict[str, Any]:
    """The manifest of a run that has ended and whose rows are still here. Raises NotPublished."""
    manifest = manifest_of(root, run_id)
    if not manifest or not root.exists("_runs", run_id, "plan.json"):
        runs = root.runs()
        known = sorted({row["run_id"] for row in runs} | {staged["run_id"] for staged in staged_runs(root, runs)})
        raise NotPublished(f"no run {run_id} under {root.uri}{did_you_mean(run_id, known)}")
    return manifest


def full_run_id(root: OutputRoot, given: str) -> str:
    """The run id that begins with `given`; `given` itself where no run does, or where it is a run id. Raises NotPublished where several do."""
    runs = root.runs()
    if any(row["run_id"] == given for row in runs) or manifest_of(root, given):
        return given
    known = sorted({row["run_id"] for row in runs} | {staged["run_id"] for staged in staged_runs(root, runs)})
    found = [run_id for run_id in known if given and run_id.startswith(given)]
    if not found:
        return given
    if len(found) > 1:
        more = f", and {len(found) - MOST_NAMED:,} more" if len(found) > MOST_NAMED else ""
        raise NotPublished(f"several runs begin with {given}: {', '.join(found[:MOST_NAMED])}{more}")
    return found[0]


def started_of(root: OutputRoot, run_id: str) -> int:
    """The newest version of table `runs` that the run has seen when it began; -1 for none."""
    try:
        return int(root.read_json("_runs", run_id, "started.json")["compared"])
    except FileNotFoundError:
        return -1


def write_staged_report(root: OutputRoot, batch: str, report: bytes, manifest: Mapping[str, Any]) -> str:
    """Puts the report of a run that was not published at a fixed place, where the next one of its batch replaces it; returns that place."""
    folder = f"{root.report_folder(batch)}/staged"
    write_file(f"{folder}/report.html", report, root.stores)
    root.write_json(manifest, "reports", batch, "staged", "manifest.json")
    return f"{folder}/report.html"


def remove_staged_report(root: OutputRoot, batch: str, run_id: str | None = None) -> None:
    """Removes the report of the batch's run that was not published; with `run_id`, only if it is of this run."""
    try:
        found = root.read_json("reports", batch, "staged", "manifest.json")
    except FileNotFoundError:
        return
    if run_id in (None, found["run_id"]):
        delete_folder(f"{root.report_folder(batch)}/staged", root.stores)


# What a report says of a run whose gate failed, and what it says instead once the run is published. All text of logs in it is escaped, so that
# no data can look like these tags.
BEFORE_AND_AFTER = (
    (rb'<span class="badge gate_failed">[^<]*</span>', b'<span class="badge opened">published although a gate failed</span>'),
    (rb'<b class="verdict">[^<]*</b>', b"<b>What the gate said:</b>"),
    (rb'<div class="alarm">', b'<div class="warning">'),
    (rb'<p class="(?:message )?open">.*?</p>\n?', b""),
)


def with_opening(report: bytes, opened: Row | None) -> bytes:
    """The report of a run whose gate was opened, also that for a notebook: who opened it and why, and nothing that asks for it to be published."""
    if opened is None:
        return report
    why = f": {opened['reason']}" if opened["reason"] else ""
    words = escape(f"A gate of this run failed. {opened['by']} published it on {opened['at']:%Y-%m-%d at %H:%M} UTC{why}")
    for before, after in BEFORE_AND_AFTER:
        report = re.sub(before, after, report)
    for kind in ("warning", "message"):  # in the page, and in the part of it for a notebook
        report = re.sub(OPENING.encode(), f'<p class="{kind}">{words}</p>'.replace("\\", r"\\").encode(), report, count=1)
    return report
