"""Merges small files after a publication, in parallel. See pipelines/tables/publication/compact.py for what is merged when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.spark.plans.bridge import FILES, MapRows, distribute, map_records
from pipelines.spark.run.staging import Run
from pipelines.storage.files import delete_files, delete_folder
from pipelines.tables.publication.compact import Merge, commit_merges, merge, merges_of
from pipelines.tables.publication.complete import keep_names
from pipelines.tables.publication.plan import Added, plan_of
from pipelines.tables.schema import Row
from pipelines.tables.writing import DataFile, FileSet


def merge_small_files(run: Run, runs: Sequence[Row]) -> None:
    merges = merges_of(run.root, runs, run.batch)
    if not merges:
        return
    uri, stores, run_id = run.root.uri, run.root.stores, run.run_id

    def make() -> MapRows:
        def merge_rows(rows: Iterator[Row]) -> Iterator[Row]:
            for row in rows:
                files = [Added(path, size, {}, "{}") for path, size in zip(row["paths"], row["sizes"], strict=True)]
                yield merge(uri, stores, Merge(row["table"], row["partition"], files), _stem(run_id, row["number"]))._asdict()

        return merge_rows

    rows = [
        {
            "number": number,
            "table": one.table,
            "partition": one.partition,
            "paths": [file.path for file in one.files],
            "sizes": [file.size for file in one.files],
        }
        for number, one in enumerate(merges)
    ]
    # Until they are committed, nothing but these lists names the new files. Where the run is killed, retention deletes them.
    new = {table: [_new_path(one, run_id, number) for number, one in enumerate(merges) if one.table == table] for table in {one.table for one in merges}}
    for table, names in new.items():
        keep_names(run.root, f"{run_id}-new", table, names)
    made = [DataFile(*row) for row in map_records(*distribute(run.job, rows, run.job.parallelism, make), FILES).collect()]
    written = {added.path: added for files in plan_of(run_id, run.batch, FileSet(uri, made)).tables.values() for added in files}
    run.root.on_point("merged files: written")
    by_number = {int(path.rpartition("-")[2].removesuffix(".parquet")): added for path, added in written.items()}
    committed = commit_merges(run.root, [(one, by_number[number]) for number, one in enumerate(merges)], run_id, run.config.retention.days)
    delete_files([run.root.path("_replaced", f"{run_id}-new-{table}.json") for table in committed], run.root.stores)
    delete_folder(run.job.work_folder, run.root.stores)  # has lists for the workers again


def _stem(run_id: str, number: int) -> str:
    return f"{run_id}-merged-{number}"


def _new_path(one: Merge, run_id: str, number: int) -> str:
    return f"{one.partition}/{_stem(run_id, number)}.parquet".lstrip("/")
