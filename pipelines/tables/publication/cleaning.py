"""Deletes what no reader needs: files of runs that died, and files that were replaced longer ago than `retention.days`.

Ages are differences of times of the store itself, so a wrong clock of a driver deletes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pipelines.storage.files import delete_files, delete_folder, file_exists, files_below, names_in
from pipelines.storage.opening import stat_file
from pipelines.tables.publication.delta import IN_LOG, LOG_DAYS, files_in, open_delta
from pipelines.tables.publication.plan import read_plan
from pipelines.tables.publication.root import SNAPSHOT_TABLES, OutputRoot
from pipelines.tables.publication.staged import remove_staged_report
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
    for table in (*SNAPSHOT_TABLES, "runs"):
        names = _files_of(root, table, run_id, batch)
        # Where somebody deleted the row of a published run, its files are still in the tables, or were replaced not long ago.
        kept = live_or_replaced(root, table) if names else set()
        delete_files([root.path(table, name) for name in names if name not in kept], root.stores)
    delete_folder(root.work_folder(run_id), root.stores)
    folder = root.run_folder(run_id)
    # started.json goes last: without it, nobody would remove the rest after a kill.
    delete_files([path for path, _ in files_below(folder, root.stores) if not path.endswith("/started.json")], root.stores)
    delete_folder(folder, root.stores)
    remove_staged_report(root, batch, run_id)
    root.on_point("run: removed")


def remove_failed_attempts(root: OutputRoot, run_id: str, batch: str) -> None:
    """Removes the files that failed attempts of a published run's tasks have left. The run may still be merging small files."""
    try:
        plan = read_plan(root, run_id)
    except FileNotFoundError:
        return
    for table in SNAPSHOT_TABLES:
        kept = {file.path for file in plan.tables.get(table, ())}
        names = [name for name in _files_of(root, table, run_id, batch) if not name.rpartition("/")[2].startswith(f"{run_id}-merged-")]
        delete_files([root.path(table, name) for name in names if name not in kept], root.stores)


def _files_of(root: OutputRoot, table: str, run_id: str, batch: str) -> list[str]:
    """The files of a run of this batch, by their paths below the folder of the table."""
    folders = _folders(root, table, batch)
    found = [f"{folder}/{name}" for folder in folders for name in names_in(root.path(folder), root.stores) if name.startswith(f"{run_id}-")]
    return [name.removeprefix(f"{table}/") for name in found]


def live_or_replaced(root: OutputRoot, table: str) -> set[str]:
    names = {file.path for file in files_in(open_delta(root, table))}
    for name in [name for name in names_in(root.path("_replaced"), root.stores) if name.endswith(".json")]:
        replaced = root.read_json("_replaced", name)
        if replaced["table"] == table:
            names |= set(replaced["files"])
    return names


def apply_retention(root: OutputRoot, runs: Sequence[Row], run_id: str, days: int) -> None:
    """Deletes what only states older than `days` days need: replaced files, and runs that ended without being published."""
    now = stat_file(root.path("_runs", run_id, "started.json"), root.stores).modified
    for path, entry in list(files_below(root.path("_replaced"), root.stores)):
        if now - entry.modified > days * DAY:
            # A driver that was killed may have left the beginning of a list, under a temporary name.
            _delete_replaced(root, path) if path.endswith(".json") else delete_files([path], root.stores)
    published = {row["run_id"] for row in runs}
    for name in names_in(root.path("_runs"), root.stores):
        path = root.path("_runs", name, "started.json")
        if name not in published and file_exists(path, root.stores) and now - stat_file(path, root.stores).modified > days * DAY:
            begun = _begun(root, name)
            if begun is not None:
                remove_run(root, name, begun.batch)
    _remove_old_work(root, now - days * DAY)
    for table in (*SNAPSHOT_TABLES, "runs"):
        _remove_old_log(root, table, now - max(days, LOG_DAYS) * DAY)


def _remove_old_work(root: OutputRoot, before: int) -> None:
    """Work folders of runs that died before they had noted that they began, or that a task wrote to after its run was removed."""
    for name in names_in(root.path("_work"), root.stores):
        files = files_below(root.work_folder(name), root.stores)
        if not root.exists("_runs", name, "started.json") and max((entry.modified for _, entry in files), default=0) < before:
            delete_folder(root.work_folder(name), root.stores)


def _remove_old_log(root: OutputRoot, table: str, before: int) -> None:
    """Deletes from the table's log what is older than its newest old checkpoint, from which on every version stays readable."""
    log = root.path(table, "_delta_log")
    checkpoints = sorted(name for name in names_in(log, root.stores) if name.endswith(".checkpoint.parquet") and IN_LOG.fullmatch(name))
    # On most nights there is no old one; then the times of all the others need not be asked for.
    if not checkpoints or stat_file(f"{log}/{checkpoints[0]}", root.stores).modified >= before:
        return
    old = {}
    for path, entry in files_below(log, root.stores):
        found = IN_LOG.fullmatch(path.rpartition("/")[2])
        if found and entry.modified < before:
            old[path] = int(found[1])
    newest = max((version for path, version in old.items() if path.endswith(".checkpoint.parquet")), default=-1)
    gone = sorted(path for path, version in old.items() if version < newest)
    if gone:
        delete_files(gone, root.stores)  # in their order, so that what a kill leaves is the end of the log
        root.on_point(f"retention: log of {table}")


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


__all__ = ["Begun", "apply_retention", "live_or_replaced", "note_begun", "remove_failed_attempts", "remove_run", "remove_unfinished", "unfinished_runs"]
