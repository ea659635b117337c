"""`episodes repair`: brings a root that somebody else has changed to a state that readers can use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable

from pipelines.storage.files import delete_files, delete_folder, file_exists, write_file
from pipelines.storage.opening import stat_file
from pipelines.tables.publication.bring_over import bring_over, old_rows
from pipelines.tables.publication.cleaning import DAY, live_or_replaced
from pipelines.tables.publication.complete import complete, keep_names
from pipelines.tables.publication.delta import LOG_DAYS, applied_to, commit, files_in, open_delta
from pipelines.tables.publication.plan import Added, plan_of, read_plan
from pipelines.tables.publication.publish import missing_files
from pipelines.tables.publication.root import BATCH_TABLES, SNAPSHOT_TABLES, OutputRoot
from pipelines.tables.schema import COLUMNS, Row
from pipelines.tables.writing import FileSet, FileWriter
from pipelines.training.tables import run_rows
from pipelines.visible import counted

RUN_ID = "repair"


def repair(root: OutputRoot, days: int = LOG_DAYS) -> Iterator[str]:
    """Says what was found and what was done. Must not be called while a run works. Raises NotPublished."""
    if rows := old_rows(root):
        yield from bring_over(root, rows)
    yield from _drop_missing(root, "runs")
    lost: set[str] = set()
    for row in root.runs():
        if row["version"] > min(applied_to(open_delta(root, table)) for table in SNAPSHOT_TABLES):
            yield from _withdraw_if_lost(root, row, lost)
    for table in SNAPSHOT_TABLES:
        yield from _drop_missing(root, table, lost)
    if lost:
        _remove_rows(root, lost)
        for batch in lost:
            delete_folder(root.report_folder(batch), root.stores)
        yield f"runs: removed the rows of {_listed(lost)}; run {'them' if len(lost) > 1 else 'it'} again: readers see a batch as a whole or not at all"
    runs = root.runs()
    yield from complete(root, runs, days)
    yield from _remarks(root, runs)
    yield from _remove_orphans(root, days)


def _withdraw_if_lost(root: OutputRoot, row: Row, lost: set[str]) -> Iterator[str]:
    """Finds out whether a run that has not reached all tables still can."""
    try:
        plan = read_plan(root, row["run_id"])
    except FileNotFoundError:
        lost.add(row["batch"])
        yield f"run {row['run_id']}: its plan is gone, so it cannot be completed"
        return
    gone = [f"{table}/{name}" for table, files in plan.tables.items() for name in _missing(root, table, files)]
    if gone:
        lost.add(row["batch"])
        yield f"run {row['run_id']}: {counted(len(gone), 'file')} of it gone, the first {gone[0]}, so it cannot be completed"


def _missing(root: OutputRoot, table: str, files: Sequence[Added]) -> list[str]:
    return missing_files(root, table, list(files))


def _drop_missing(root: OutputRoot, table: str, lost: set[str] | None = None) -> Iterator[str]:
    """Takes files that no longer exist out of the table, which could not be read otherwise; adds their batches to `lost`."""
    found = open_delta(root, table)
    files = files_in(found)
    gone = set(_missing(root, table, files))
    if found is None or not gone:
        return
    removed = [file for file in files if file.path in gone]
    applied = applied_to(found)
    commit(root, table, found, [], removed, run_id=RUN_ID, applied=None if applied < 0 else applied)
    batches = {file.values["batch"] for file in removed if "batch" in file.values}
    if lost is not None:
        lost |= batches
    yield f"{table}: {counted(len(removed), 'file')} that somebody has deleted {'are' if len(removed) > 1 else 'is'} out of the table now" + (
        f"; rows of {_listed(batches)} were lost" if batches else ""
    )


def _remove_rows(root: OutputRoot, batches: set[str]) -> None:
    """Writes table `runs` without the rows of these batches."""
    found = open_delta(root, "runs")
    rows = [row for row in run_rows(root.filesystem(), root.uri) if row["batch"] not in batches]
    version = 0 if found is None else found.version() + 1
    added: list[Added] = []
    if rows:
        writer = FileWriter(root.uri, f"{RUN_ID}-{version}", {"runs": COLUMNS["runs"]}, root.stores)
        for row in rows:
            maps = {
                name: None if row[name] is None else list(row[name].items()) for name in ("versions", "files", "states", "reasons", "sources", "tokenizers")
            }
            writer.add("runs", "", row | maps, 0)
        added = plan_of(RUN_ID, "", FileSet(root.uri, writer.close())).tables["runs"]
    removed = files_in(found)
    keep_names(root, f"{RUN_ID}-{version}", "runs", [file.path for file in removed])
    commit(root, "runs", found, added, removed, run_id=RUN_ID)


def _remarks(root: OutputRoot, runs: Sequence[Row]) -> Iterator[str]:
    """What others have changed and what stays as it is."""
    newest = {row["batch"]: row for row in runs}
    published = {batch: _rows_published(root, row) for batch, row in sorted(newest.items())}
    for table in BATCH_TABLES:
        found = open_delta(root, table)
        if found is None:
            continue
        rows = _rows_by_batch(found)
        unknown = set(rows.keys() - newest.keys())
        if unknown:
            yield f"{table}: has rows of {_listed(unknown)}, which no run has published; they stay, and readers of the snapshot do not see them"
        for batch, wanted in published.items():
            count = rows.get(batch, 0)
            if table in wanted and count != wanted[table]:
                changed = f"{table}: batch {batch} has {counted(count, 'row')}, and its newest run published {wanted[table]:,}"
                yield f"{changed}; somebody has changed it, and that stays until the batch is run again with --force"


def _rows_published(root: OutputRoot, run: Row) -> dict[str, int]:
    """By table the rows of its batch that this run published; {} where its plan is gone, or where version 0.1.0 published it."""
    try:
        plan = read_plan(root, run["run_id"])
    except FileNotFoundError:
        return {}
    return {table: plan.rows(table) for table in BATCH_TABLES}


def _rows_by_batch(found: DeltaTable) -> dict[str, int]:
    actions = pa.table(found.get_add_actions(flatten=True)).select(["partition.batch", "num_records"])
    grouped = actions.group_by("partition.batch").aggregate([("num_records", "sum")])
    return dict(zip(grouped["partition.batch"].to_pylist(), grouped["num_records_sum"].to_pylist(), strict=True))


def _remove_orphans(root: OutputRoot, days: int) -> Iterator[str]:
    """Deletes files in the folders of the tables that no version of the last `days` days needs, and that are older, by the store's clock."""
    before = _now(root) - days * DAY
    for table in (*SNAPSHOT_TABLES, "runs"):
        found = open_delta(root, table)
        unused = found.vacuum(24 * days, dry_run=True, enforce_retention_duration=False, full=True) if found else []
        kept = live_or_replaced(root, table) if unused else set()
        paths = [root.path(table, name) for name in map(unquote, unused) if name not in kept]
        removed = [path for path in paths if file_exists(path, root.stores) and stat_file(path, root.stores).modified < before]
        delete_files(removed, root.stores)
        if removed:
            yield f"{table}: deleted {counted(len(removed), 'file')} that no version of the last {counted(days, 'day')} needs"


def _now(root: OutputRoot) -> int:
    """The time of the store in ns, which is that of a file that was just written."""
    path = root.path(".episodes-repair")
    write_file(path, b"", root.stores)
    try:
        return stat_file(path, root.stores).modified
    finally:
        delete_files([path], root.stores)


def _listed(batches: set[str]) -> str:
    return f"batch{'es' if len(batches) > 1 else ''} {', '.join(sorted(batches))}"
