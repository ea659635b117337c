"""Brings a root that version 0.1.0 wrote to the form of now, without writing a row of its tables again.

Version 0.1.0 had Delta tables or plain Parquet files. Rows of `runs` held all input files, and the versions or files of all tables; what a killed
run had committed after the last row was no part of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from deltalake import DeltaTable

from pipelines.storage.files import delete_files
from pipelines.storage.locations import is_uri
from pipelines.tables.publication.delta import HOOKS, LOG_DAYS, add_missing_columns, applied_to, commit, files_in, open_delta
from pipelines.tables.publication.plan import Added, plan_of
from pipelines.tables.publication.root import SNAPSHOT_TABLES, OutputRoot
from pipelines.tables.reading import inputs_digest, write_input_rows
from pipelines.tables.schema import COLUMNS, Row
from pipelines.tables.statistics import delta_statistics
from pipelines.tables.writing import FileSet, FileWriter, partition_values
from pipelines.visible import counted

RUN_ID = "brought-over"


def old_rows(root: OutputRoot) -> list[Row]:
    """The rows of `runs` of a root of version 0.1.0, the oldest first; [] where this is not one."""
    if is_uri(root.uri) or not os.path.isdir(root.path("runs")):
        return []
    found = open_delta(root, "runs")
    files = Path(root.path("runs")).glob("*.parquet")
    # A root that was only half brought over has a new file of rows that no version names.
    plain = sorted(str(path) for path in files if not path.name.startswith(RUN_ID))
    paths = [root.path("runs", file.path) for file in files_in(found)] if found else plain
    rows: list[Row] = [row for path in paths for row in pq.read_table(path).to_pylist(maps_as_pydicts="strict")]
    if not rows or all(row.get("version") is not None for row in rows):
        return []
    return sorted(rows, key=lambda row: (row["finished"], row["run_id"]))


def bring_over(root: OutputRoot, rows: Sequence[Row]) -> Iterator[str]:
    """Says what was done, step by step. Can be repeated where it was stopped: `runs` comes last."""
    last = rows[-1]
    runs = open_delta(root, "runs")
    version = 0 if runs is None else runs.version() + 1
    for table in SNAPSHOT_TABLES:
        yield from _bring_table(root, table, last, version)
    kept = _newest_of_each_batch(rows)
    for row in kept:
        write_input_rows(root, row["run_id"], row["inputs"])
    writer = FileWriter(root.uri, f"{RUN_ID}-{version}", {"runs": COLUMNS["runs"]}, root.stores)
    for row in kept:
        writer.add("runs", "", _new_row(row, version), 0)
    added = plan_of(RUN_ID, "", FileSet(root.uri, writer.close())).tables["runs"]
    old = files_in(runs)
    commit(root, "runs", add_missing_columns(root, "runs", runs), added, old, run_id=RUN_ID)
    if runs is None:
        delete_files([str(path) for path in Path(root.path("runs")).glob("*.parquet") if path.name != added[0].path], root.stores)
    yield f"runs: kept {counted(len(kept), 'row')} of {len(rows):,}, the newest of each batch; the folders _old and _staging are not used any more"


def _bring_table(root: OutputRoot, table: str, last: Row, version: int) -> Iterator[str]:
    found = open_delta(root, table)
    if applied_to(found) >= version:
        return
    if last["versions"] is not None:
        named = last["versions"].get(table)
        if found is not None and named is not None and found.version() != named and _restore(found, named):
            yield f"{table}: restored version {named}; later versions are of a run that was killed"
            found = open_delta(root, table)
        commit(root, table, add_missing_columns(root, table, found), [], [], run_id=RUN_ID, applied=version)
    else:
        added = [_added(root, table, name) for name in last["files"].get(table, ())]
        commit(root, table, None, added, [], run_id=RUN_ID, applied=version, days=LOG_DAYS)
        yield f"{table}: made a Delta table of {counted(len(added), 'Parquet file')}"


def _restore(found: DeltaTable, version: int) -> bool:
    """Whether the table was restored: not where it was already."""
    (info,) = found.history(1)
    if info.get("operation") == "RESTORE" and str((info.get("operationParameters") or {}).get("version")) == str(version):
        return False
    found.restore(version, post_commithook_properties=HOOKS)
    return True


def _added(root: OutputRoot, table: str, name: str) -> Added:
    """A Parquet file that is named by its path below the root. A publication that did not finish may have set it aside."""
    path = Path(root.path(name))
    if not path.is_file() and (aside := next(Path(root.path("_old")).glob(f"*/{name}"), None)):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.rename(path)
    inside = name.removeprefix(f"{table}/")
    return Added(inside, path.stat().st_size, partition_values(inside.rpartition("/")[0]), delta_statistics(pq.read_metadata(path)))


def _newest_of_each_batch(rows: Sequence[Row]) -> list[Row]:
    """The newest row of each batch, and before it the newest that is not of a redrive, in their order."""
    newest = {row["batch"]: row["run_id"] for row in rows}
    made = {row["batch"]: row["run_id"] for row in rows if (row.get("kind") or "batch") == "batch"}
    kept = {*newest.values(), *made.values()}
    return [row for row in rows if row["run_id"] in kept]


def _new_row(row: Row, version: int) -> Row:
    sources: dict[str, dict[str, int]] = {}
    for file in row["inputs"]:
        total = sources.setdefault(file["source"], {"files": 0, "records": 0})
        total["files"] += 1
        total["records"] += file["records"]
    maps = {name: list((row.get(name) or {}).items()) for name in ("states", "reasons", "tokenizers")}
    found: dict[str, Any] = {name: row.get(name) for name in COLUMNS["runs"].names}
    versions = None if row["versions"] is None else list(row["versions"].items())
    return (
        found
        | maps
        | {
            "version": version,
            "versions": versions,
            "files": None,
            "kind": row.get("kind") or "batch",
            "quarantined_share": row.get("quarantined_share") or 0.0,
            "sources": list(sources.items()),
            "inputs_sha256": inputs_digest((file["source"], file["path"], file["sha256"]) for file in row["inputs"]),
        }
    )
