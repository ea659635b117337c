"""Staged rows -> published tables. Each Delta table changes in one commit, and `runs` is written last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.ledger.batches import last_of_batch
from pipelines.ledger.books import Books
from pipelines.ledger.manifest import Json, code_fingerprint, config_fingerprint, tokenizer_facts
from pipelines.ledger.reader_settings import reader_settings
from pipelines.reasons import Reason
from pipelines.spark.plans.images import KEY
from pipelines.spark.plans.read_back import Staged
from pipelines.spark.publishing.tables import BATCH_TABLES, State
from pipelines.spark.run.staging import Run
from pipelines.storage.locks import LostRace
from pipelines.tables.reading import last_run, run_rows
from pipelines.tables.schema import COLUMNS, Row
from pipelines.tables.writing import FileSet, FileWriter, files_below
from pipelines.visible import counted

COUNTS = ("records", "conversations", "quarantined", "duplicates", "damaged")


class RowCountMismatch(Exception):
    """A committed table does not hold the rows that were staged."""


def publish(run: Run, staged: Staged, images: DataFrame | None, books: Books, inputs: Sequence[Row], kind: str = "batch") -> None:
    """Commits the batch. The caller holds the publication lock, has recovered the root and has called `check_unchanged`.

    Raises LostRace where another run has published meanwhile, and RowCountMismatch where a committed table does not hold the rows of
    the books. Then `runs` names nothing of it, and the next run rolls it back.
    """
    tables = run.tables
    settings = reader_settings(run.flow)  # reads tokenizers, so before anything is committed
    last = last_run(tables.root)
    states: dict[str, State] = dict((last or {}).get(tables.form.STATE_COLUMN) or {})
    for table in BATCH_TABLES:
        states[table] = tables.commit_files(table, staged.tables, run.run_id, states.get(table), replaced=run.batch)
    states["images"] = tables.commit_files("images", _new_images(run, images), run.run_id, states.get("images"))
    _check_row_counts(run, states, books)
    if last_run(tables.root) != last:
        raise LostRace(f"another run was published under {tables.root} meanwhile; run again")
    tables.commit_files("runs", _run_row(run, books, inputs, states, kind, last, settings), run.run_id, None)


def check_unchanged(run: Run, earlier: Mapping[str, Any] | None) -> None:
    """Raises LostRace where another run has published the batch since this run compared it with what was published."""
    now = last_of_batch(run_rows(run.tables.root), run.batch)
    if (now and now["run_id"]) != (earlier and earlier["run_id"]):
        raise LostRace(f"run {now and now['run_id']} published batch {run.batch} while this run was working")


def input_rows(splits: Sequence[Row]) -> list[Row]:
    """The input files, each once, however many splits it has."""
    names = ("source", "path", "size", "modified", "sha256")
    return list({(row["source"], row["path"]): {name: row[name] for name in names} for row in splits}.values())


def _check_row_counts(run: Run, states: dict[str, State], books: Books) -> None:
    for table, wanted in books.rows().items():
        found = run.tables.form.rows_of_batch(run.tables.root, table, states[table], run.batch)
        if found != wanted:
            raise RowCountMismatch(f"{table}: batch {run.batch} has {counted(found, 'row')} after the commit, but {wanted:,} in the books")


def _new_images(run: Run, images: DataFrame | None) -> FileSet:
    """The verified images that table `images` lacks. Missing files are not listed; a verdict that depends on a limit is listed once, though each run finds it."""
    folder = run.staging / "publish"
    if images is None:
        return FileSet(folder, [])
    images = images.where(F.col("reason").isNull() | (F.col("reason") != Reason.IMAGE_MISSING.code)).withColumn("why", F.coalesce("reason", F.lit("")))
    listed = run.tables.read("images")
    if listed is not None:
        images = images.join(listed.select(*KEY, "level", F.coalesce("reason", F.lit("")).alias("why")), on=[*KEY, "level", "why"], how="left_anti")
    images.drop("why").coalesce(1).write.parquet(str(folder / "table=images"))
    return FileSet(folder, files_below(folder / "table=images", "images"))


def _run_row(run: Run, books: Books, inputs: Sequence[Row], states: dict[str, State], kind: str, last: dict[str, Any] | None, settings: str) -> FileSet:
    book_of = {(book.source, book.path): book for book in books.files}
    row: Json = {"versions": None, "files": None, run.tables.form.STATE_COLUMN: list(states.items())} | {
        "run_id": run.run_id,
        "batch": run.batch,
        "kind": kind,
        "states": list(books.states().items()),
        "quarantined_share": books.quarantined_share(),
        "reasons": list(books.reasons.items()),
        "inputs": [file | {name: getattr(book_of.get((file["source"], file["path"])), name, 0) for name in COUNTS} for file in inputs],
        "code": code_fingerprint(),
        "config": config_fingerprint(run.config),
        "tokenizers": [(name, facts["fingerprint"]) for name, facts in tokenizer_facts(run.flow).items()],
        "settings": settings,
        "started": run.started,
        # Rows are ordered by this time, so a clock that is behind must not reorder them.
        "finished": max(run.now(), last["finished"] + timedelta(microseconds=1)) if last else run.now(),
    }
    writer = FileWriter(run.staging / "publish", run.run_id, COLUMNS)
    writer.add("runs", "", row, 0)
    return FileSet(run.staging / "publish", writer.close())
