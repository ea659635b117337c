"""Drafts + images -> outcomes: joins what is known about a record to its draft, and stages the rows of every table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import TaskContext
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.episodes.steps import with_unit
from pipelines.flow import DraftWithImages, Flow, make_outcomes, with_context
from pipelines.images.references import verified_image
from pipelines.records import Draft, Finding, Origin, Quarantined, RawRecord, SeenImage
from pipelines.spark.plans.bridge import FILE, ORDINAL, Job, MapRows, Work, flow_opener
from pipelines.spark.plans.context import context_of
from pipelines.storage.opening import open_file
from pipelines.storage.stores import Stores
from pipelines.tables.parquet import read_in_batches
from pipelines.tables.schema import Row, draft_from_bytes
from pipelines.tables.writing import FileSet, placed

DRAFT_ROWS = 64
NAME_PATTERN = r"-(\d+)-\d+-(\d+)\.parquet$"  # of a file that `write_files` wrote: task, attempt, number of the file


def outcomes_work(job: Job, drafts: FileSet, context: DataFrame | None, batch: str, flow: Flow, units: Mapping[str, str]) -> Work:
    """The work of turning drafts into outcomes. One task reads each file of drafts; Spark sends it only the context of its rows.

    So no record's bytes pass through Spark, and a task holds the images of one record at a time. Where one task wrote several files,
    because its input could not be split, several tasks read them.
    """
    open_flow, run_id, stores = flow_opener(flow), job.run_id, job.root.stores
    paths = [path for path, _ in drafts.of("drafts")]
    tasks = max(1, min(len(paths), job.parallelism), *(_numbers(path)[0] + 1 for path in paths))
    shared = job.share([{"path": path} for path in paths])

    def make() -> MapRows:
        flow, task = open_flow(), TaskContext.get()
        number = task.partitionId() if task else 0
        own = sorted(row["path"] for row in shared.read() if sum(_numbers(row["path"])) % tasks == number)
        return lambda context: (placed(outcome, batch, run_id, flow.config.split) for outcome in make_outcomes(_records(own, context, stores, units), flow))

    if context is None:
        return Work(job.spark.range(0, tasks, 1, tasks).select(F.lit(None).alias(FILE)), make)
    # A task without context must run too, and Spark skips empty partitions.
    each = job.spark.range(tasks).select(F.col("id").cast("int").alias("task"))
    number, index = (F.regexp_extract(FILE, NAME_PATTERN, group).cast("int") for group in (1, 2))
    with_every_task = each.unionByName(context.withColumn("task", (number + index) % tasks), allowMissingColumns=True)
    return Work(with_every_task.repartitionById(tasks, "task").sortWithinPartitions(FILE, ORDINAL), make)


def _numbers(path: str) -> tuple[int, int]:
    """(task that wrote the file, number of the file). Their sum, modulo the number of tasks, is the task that reads it."""
    found = re.search(NAME_PATTERN, path)
    assert found, f"{path} was not written by a task"
    return int(found[1]), int(found[2])


def _records(paths: Sequence[str], context: Iterator[Row], stores: Stores, units: Mapping[str, str]) -> Iterator[DraftWithImages | Quarantined]:
    """The drafts of these files with their context, which comes in the order of the files and their rows."""
    of_rows = groupby((row for row in context if row[FILE]), key=lambda row: (row[FILE], row[ORDINAL]))
    at, rows = next(of_rows, (None, iter(())))
    for path in paths:
        ordinal, name = 0, path.rpartition("/")[2]
        with open_file(path, stores) as source, pq.ParquetFile(source) as file:
            for batch in read_in_batches(file, DRAFT_ROWS, ["record_id", "origin", "raw", "draft", "findings", "episode_id"]):
                for raw, draft in _drafts(batch, units):
                    if at == (name, ordinal):
                        yield _with_images(raw, draft, list(rows))
                        at, rows = next(of_rows, (None, iter(())))
                    else:
                        yield _with_images(raw, draft, [])
                    ordinal += 1
    if at is not None:
        raise ValueError(f"there is context for row {at[1]} of {at[0]}, but no such row")


def _drafts(batch: pa.RecordBatch, units: Mapping[str, str]) -> Iterator[tuple[RawRecord, Draft | Quarantined]]:
    """The records of these rows of DRAFTS. A draft carries its own origin, so the other columns are read only for records without one."""
    for i, (raw, draft) in enumerate(zip(batch["raw"].to_pylist(), batch["draft"].to_pylist(), strict=True)):
        if draft is not None:
            made = with_unit(draft_from_bytes(draft), units.get(batch["origin"][i]["source"].as_py())) if units else draft_from_bytes(draft)
            yield RawRecord(made.origin, made.record_id, raw), made
        else:
            row = batch.slice(i, 1).to_pylist()[0]
            record = RawRecord(Origin(**row["origin"]), row["record_id"], raw)
            yield record, Quarantined(record, tuple(Finding(**finding) for finding in row["findings"]), episode_id=row["episode_id"])


def _with_images(raw: RawRecord, draft: Draft | Quarantined, context: Sequence[Row]) -> DraftWithImages | Quarantined:
    """The draft with its context, or the row that quarantines it."""
    return with_context(raw, draft, context_of(raw, context), lambda draft: {mark["seen"]["key"]: _seen(mark["seen"]) for mark in context if mark["seen"]})


def _seen(row: Row) -> SeenImage:
    return verified_image(row, tuple(Finding(**finding) for finding in row["findings"]))
