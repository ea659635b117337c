"""The moment of publication: one commit to table `runs`, at the version that the run was compared with."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa

from pipelines.storage.files import delete_files
from pipelines.storage.locks import LostRace
from pipelines.storage.opening import stat_file
from pipelines.tables.publication.delta import Outdated, add_missing_columns, commit, newest_version, open_delta, wait_for_others
from pipelines.tables.publication.plan import Added, Plan, plan_of
from pipelines.tables.publication.root import SNAPSHOT_TABLES, UNREAD, OutputRoot, newest_of
from pipelines.tables.schema import COLUMNS, Row
from pipelines.tables.writing import FileSet, FileWriter
from pipelines.visible import counted

MOST_ATTEMPTS = 50  # while other batches are published at the same moment
REQUESTS_AT_ONCE = 16


class RowCountMismatch(Exception):
    """The files that a run is going to publish do not hold the rows of its books."""


def publish(root: OutputRoot, plan: Plan, row: Mapping[str, Any], earlier: Row | None, days: int) -> list[Row]:
    """Publishes the plan, whose row of `runs` this is, and returns the rows of `runs` up to this one.

    `earlier` is the newest row of the batch that the run was compared with. If another run has published the batch since, LostRace is
    raised; if only other batches were published, the commit is tried again at the new version.
    """
    written: list[str] = []
    for attempt in range(MOST_ATTEMPTS):
        found = open_delta(root, "runs")
        runs = root.runs()
        if mine := [place for place, one in enumerate(runs) if one["run_id"] == plan.run_id]:  # an attempt whose answer was lost
            return runs[: mine[0] + 1]
        # The attempts before have failed for certain: another run has the version that each of them was for.
        delete_files([root.path("runs", name) for name in written], root.stores)
        now = newest_of(runs, plan.batch)
        _require_same(plan.batch, now, earlier)
        _require_files(root, plan)
        try:
            found = add_missing_columns(root, "runs", found)
            version = 0 if found is None else found.version() + 1
            full = dict(row) | {"version": version, "versions": list(_next_versions(root).items()), "files": None}
            root.on_point("runs: before")
            file = _write_row(root, plan, full)
            written.append(file.path)
            root.on_point("runs: written")
            commit(root, "runs", found, [file], [], run_id=plan.run_id, days=days)
        except Outdated:
            wait_for_others(attempt)
            continue
        root.on_point("runs: after")
        return [*runs, _as_read(full)]
    raise LostRace(f"other runs kept publishing under {root.uri}; run again")


def check_rows(plan: Plan, wanted: Mapping[str, int]) -> None:
    """Raises RowCountMismatch where the files of a table do not hold the number of rows that the books have."""
    for table, rows in wanted.items():
        found = plan.rows(table)
        if found != rows:
            raise RowCountMismatch(f"{table}: the files of batch {plan.batch} have {counted(found, 'row')}, but the books have {rows:,}")


def missing_files(root: OutputRoot, table: str, files: list[Added]) -> list[str]:
    """The files that are not in the table's folder in their whole size."""

    def is_missing(file: Added) -> bool:
        try:
            return stat_file(root.path(table, file.path), root.stores).size != file.size
        except FileNotFoundError:
            return True

    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as executor:
        return [file.path for file, is_gone in zip(files, executor.map(is_missing, files), strict=True) if is_gone]


def _require_same(batch: str, now: Row | None, earlier: Row | None) -> None:
    if now and now["version"] > (earlier["version"] if earlier else -1):
        raise LostRace(f"run {now['run_id']} published batch {batch} while this run was working")
    if earlier and (now and now["run_id"]) != earlier["run_id"]:
        raise LostRace(f"the row of run {earlier['run_id']}, with which this run was compared, is no longer in table runs; run again")


def _require_files(root: OutputRoot, plan: Plan) -> None:
    for table, files in plan.tables.items():
        if gone := missing_files(root, table, files):
            raise LostRace(f"{table}: {counted(len(gone), 'file')} of this run {'are' if len(gone) > 1 else 'is'} gone, the first {gone[0]}; run again")


def _next_versions(root: OutputRoot) -> dict[str, int]:
    return {table: newest_version(root, table) + 1 for table in SNAPSHOT_TABLES}


def _as_read(row: Mapping[str, Any]) -> Row:
    """The row as `OutputRoot.runs` gives it."""
    maps = [name for name, kind in zip(COLUMNS["runs"].names, COLUMNS["runs"], strict=True) if pa.types.is_map(kind.type)]
    found = {name: dict(value) if name in maps and value is not None else value for name, value in row.items()}
    return {name: value for name, value in found.items() if name not in UNREAD}


def _write_row(root: OutputRoot, plan: Plan, row: Mapping[str, Any]) -> Added:
    writer = FileWriter(root.uri, f"{plan.run_id}-{row['version']}", {"runs": COLUMNS["runs"]}, root.stores)
    writer.add("runs", "", dict(row), 0)
    return plan_of(plan.run_id, plan.batch, FileSet(root.uri, writer.close())).tables["runs"][0]
