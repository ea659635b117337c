"""Brings the tables up to the runs that are published. The run itself does this, or the next one if it was killed; every step can be repeated.

Each table takes over one run after the other, each in one commit that says so. What a run replaces is looked up in the table as it then is,
so commits of others stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.storage.files import delete_folder, names_in, read_file, write_file
from pipelines.tables.publication.cleaning import has_ended, remove_failed_attempts
from pipelines.tables.publication.delta import (
    Outdated,
    add_missing_columns,
    applied_to,
    commit,
    files_in,
    newest_state,
    open_delta,
    set_retention,
    wait_for_others,
)
from pipelines.tables.publication.plan import read_plan
from pipelines.tables.publication.publish import missing_files
from pipelines.tables.publication.root import BATCH_TABLES, SNAPSHOT_TABLES, OutputRoot, newest_of
from pipelines.tables.publication.staged import remove_staged_report, with_opening
from pipelines.tables.schema import Row
from pipelines.visible import counted

MOST_ATTEMPTS = 100


class RootDamaged(Exception):
    """Files of a published run are gone, or its plan is. `episodes repair` says what can be done."""


def complete(root: OutputRoot, runs: Sequence[Row], days: int) -> list[str]:
    """Brings every table and the reports up to these runs, the oldest first; returns what was done, in words.

    Raises RootDamaged where files that a run has published are gone.
    """
    words: list[str] = []
    versions = {table: _complete_table(root, table, runs, days, words) for table in SNAPSHOT_TABLES}
    _finish(root, runs, versions)
    return words


def read_manifest(root: OutputRoot, batch: str) -> dict[str, Any]:
    """The manifest of the batch's newest run; {} where there is none."""
    try:
        found: dict[str, Any] = root.read_json("reports", batch, "manifest.json")
    except FileNotFoundError:
        return {}
    return found


def _complete_table(root: OutputRoot, table: str, runs: Sequence[Row], days: int, words: list[str]) -> int | None:
    """The table's newest version, or None where there is none, or where it has later runs already."""
    found = open_delta(root, table)
    for attempt in range(MOST_ATTEMPTS + len(runs)):
        if attempt:
            found = newest_state(root, table, found)
        applied = applied_to(found)
        waiting = [row for row in runs if row["version"] > applied]
        if not waiting:
            set_retention(found, days)
            return found.version() if found is not None and runs and applied == runs[-1]["version"] else None
        row = waiting[0]
        try:
            found = add_missing_columns(root, table, found)
            plan = read_plan(root, row["run_id"])
        except FileNotFoundError:
            raise RootDamaged(f"the plan of run {row['run_id']} is gone from {root.run_folder(row['run_id'])}; run episodes repair {root.uri}") from None
        except Outdated:
            continue
        added = plan.tables.get(table, [])
        if gone := missing_files(root, table, added):
            lost = f"{table}: {counted(len(gone), 'file')} of the published run {row['run_id']} {'are' if len(gone) > 1 else 'is'} gone, the first {gone[0]}"
            raise RootDamaged(f"{lost}; run episodes repair {root.uri}")
        replaced = files_in(found, row["batch"]) if table in BATCH_TABLES else []
        root.on_point(f"{table}: before")
        if replaced:
            keep_names(root, row["run_id"], table, [file.path for file in replaced])
        try:
            commit(root, table, found, added, replaced, run_id=row["run_id"], applied=row["version"], days=days)
        except Outdated:
            wait_for_others(attempt)
            continue
        root.on_point(f"{table}: after")
        words.append(f"{table}: completed run {row['run_id']}")
    raise RootDamaged(f"{table}: others kept committing; run again")


def keep_names(root: OutputRoot, run_id: str, table: str, names: Sequence[str]) -> None:
    """Notes the files that a commit is going to take out of the table, for retention, which deletes only what is not in the table."""
    root.write_json({"table": table, "files": list(names)}, "_replaced", f"{run_id}-{table}.json")


def _finish(root: OutputRoot, runs: Sequence[Row], versions: Mapping[str, int | None]) -> None:
    """Publishes reports and removes what runs needed while they worked: of the newest run, and of all whose work folder, which goes last, is still there.

    Drivers that publish at the same moment may all be newer than one that was killed.
    """
    working = set(names_in(root.path("_work"), root.stores))
    for index, row in enumerate(runs):
        if row["run_id"] in working or row is runs[-1]:
            if newest_of(runs, row["batch"]) is row:
                _publish_report(root, runs[: index + 1], versions if row is runs[-1] else {})
            if row["run_id"] in working:
                remove_failed_attempts(root, row["run_id"], row["batch"])
                delete_folder(root.work_folder(row["run_id"]), root.stores)
    for run_id in working:
        if has_ended(root, run_id):
            delete_folder(root.work_folder(run_id), root.stores)


def _publish_report(root: OutputRoot, runs: Sequence[Row], known: Mapping[str, int | None]) -> None:
    """Copies the report of the last of these runs to its batch's folder; the manifest goes last, so where it is, the report is too.

    `known` are versions of tables that have this run and no later one.
    """
    row = runs[-1]
    folder = root.run_folder(row["run_id"])
    # A run that was brought over from version 0.1.0 has no folder; its report is where it was.
    if read_manifest(root, row["batch"]).get("run_id") != row["run_id"] and root.exists("_runs", row["run_id"], "manifest.json"):
        now = newest_of(root.runs(), row["batch"])
        if now is None or now["run_id"] != row["run_id"]:  # replaced since
            return
        published = root.published(runs)
        versions = {table: published.state(table).version if (version := known.get(table)) is None else version for table in SNAPSHOT_TABLES}
        manifest: Mapping[str, Any] = root.read_json("_runs", row["run_id"], "manifest.json")
        manifest = {**manifest, "status": "published", "published": {"versions": versions, "files": None}, "finished": row["finished"].isoformat()}
        if row.get("opened"):
            manifest = {**manifest, "opened": {**row["opened"], "at": row["opened"]["at"].isoformat()}}
        report = with_opening(read_file(f"{folder}/report.html", root.stores), row.get("opened"))
        write_file(f"{root.report_folder(row['batch'])}/report.html", report, root.stores)
        root.on_point("report: published")
        root.write_json(manifest, "reports", row["batch"], "manifest.json")
        root.on_point("manifest: published")
        remove_staged_report(root, row["batch"])
