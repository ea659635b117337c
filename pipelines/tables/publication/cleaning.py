"""Deletes what no reader needs: files of runs that died, and files that were replaced longer ago than `retention.days`.

Ages are differences of times of the store itself, so a wrong clock of a driver deletes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from pipelines.storage.files import delete_files, delete_folder, file_exists, files_below, names_in
from pipelines.storage.opening import stat_file
from pipelines.tables.publication.delta import files_in, open_delta
from pipelines.tables.publication.plan import read_plan
from pipelines.tables.publication.root import SNAPSHOT_TABLES, OutputRoot
from pipelines.tables.schema import PARTITIONS, Row

DAY = 86_400 * 10**9  # ns


class Begun(NamedTuple):
    """A run that has begun: the batch, and the newest version of `runs` that it has seen."""

    run_id: str
    batch: str
    compared: int


def note_begun(root: OutputRoot, begun: Begun) -> None:
    root.write_json(begun._asdict(), "_runs", begun.run_id, "started.json")
    root.on_point("run: noted")


def unfinished_runs(root: OutputRoot, batch: str, runs: Sequence[Row]) -> list[Begun]:
    """The runs of this batch that have begun, and have neither published nor ended."""
    published = {row["run_id"] for row in runs}
    names = [name for name in names_in(root.path("_runs"), root.stores) if name not in published and name.startswith(f"{batch}.")]
    begun = [found for name in names if not has_ended(root, name) and (found := _begun(root, name)) is not None]
    return [one for one in begun if one.batch == batch]


def has_ended(root: OutputRoot, run_id: str) -> bool:
    """Whether the run has ended and was not meant to be published; its rows and its report are kept for a reader."""
    try:
        return bool(root.read_json("_runs", run_id, "manifest.json")["status"] != "published")
    except FileNotFoundError:
        return False


def remove_unfinished(root: OutputRoot, unfinished: Sequence[Begun], version: int) -> None:
    """Removes the runs that can no longer publish, since the batch was published in this version of `runs`, after they were compared."""
    for begun in unfinished:
        if begun.compared < version:
            remove_run(root, begun.run_id, begun.batch)


def remove_run(root: OutputRoot, run_id: str, batch: str) -> None:
    """Removes everything of a run that is not published and never will be."""
    remove_files_of(root, run_id, batch, keep=())
    delete_folder(root.work_folder(run_id), root.stores)
    delete_folder(root.run_folder(run_id), root.stores)
    root.on_point("run: removed")


def remove_failed_attempts(root: OutputRoot, run_id: str, batch: str) -> None:
    """Removes the files that failed attempts of a published run's tasks have left."""
    plan = read_plan(root, run_id)
    keep = {f"{table}/{file.path}" for table, files in plan.tables.items() for file in files}
    remove_files_of(root, run_id, batch, keep)


def remove_files_of(root: OutputRoot, run_id: str, batch: str, keep: Collection[str]) -> None:
    """Removes the files of a run but for these, and but for those that a table has: somebody may have deleted the row of a published run."""
    found = [
        f"{folder}/{name}"
        for table in (*SNAPSHOT_TABLES, "runs")
        for folder in _folders(root, table, batch)
        for name in names_in(root.path(folder), root.stores)
    ]
    mine = [name for name in found if name.rpartition("/")[2].startswith(f"{run_id}-") and name not in keep]
    live = {f"{table}/{file.path}" for table in {name.partition("/")[0] for name in mine} for file in files_in(open_delta(root, table))}
    delete_files([root.path(name) for name in mine if name not in live], root.stores)


def apply_retention(root: OutputRoot, runs: Sequence[Row], run_id: str, days: int) -> None:
    """Deletes what only states older than `days` days need: replaced files, and runs that ended without being published."""
    now = stat_file(root.path("_runs", run_id, "started.json"), root.stores).modified
    for path, entry in list(files_below(root.path("_replaced"), root.stores)):
        if now - entry.modified > days * DAY:
            _delete_replaced(root, path)
    published = {row["run_id"] for row in runs}
    for name in names_in(root.path("_runs"), root.stores):
        path = root.path("_runs", name, "started.json")
        if name not in published and file_exists(path, root.stores) and now - stat_file(path, root.stores).modified > days * DAY:
            begun = _begun(root, name)
            if begun is not None:
                remove_run(root, name, begun.batch)


def _delete_replaced(root: OutputRoot, path: str) -> None:
    """Deletes the files that this list names, but for those that are in the table."""
    found = root.read_json("_replaced", path.rpartition("/")[2])
    table = found["table"]
    live = {file.path for file in files_in(open_delta(root, table))}
    delete_files([root.path(table, name) for name in found["files"] if name not in live], root.stores)
    delete_files([path], root.stores)
    root.on_point(f"retention: {table}")


def _begun(root: OutputRoot, run_id: str) -> Begun | None:
    try:
        return Begun(**root.read_json("_runs", run_id, "started.json"))
    except FileNotFoundError:
        return None


def _folders(root: OutputRoot, table: str, batch: str) -> list[str]:
    """The folders in which a run of this batch writes files of this table, below the root."""
    folders = [table]
    for column in PARTITIONS[table]:
        if column == "batch":
            folders = [f"{folder}/batch={batch}" for folder in folders]
        else:
            folders = [f"{folder}/{name}" for folder in folders for name in names_in(root.path(folder), root.stores) if name.startswith(f"{column}=")]
    return folders


__all__ = ["Begun", "apply_retention", "note_begun", "remove_failed_attempts", "remove_run", "remove_unfinished", "unfinished_runs"]
