"""Staged rows -> published tables: each Delta table changes in one commit, and `runs` is written last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from pipelines.books import Books
from pipelines.manifest import Json, code_fingerprint, config_fingerprint, tokenizer_facts
from pipelines.reasons import Reason
from pipelines.schema import Row, long, struct, text
from pipelines.spark.audit import Staged
from pipelines.spark.look import KEY
from pipelines.spark.stage import Run
from pipelines.spark.tables import BATCHED, PARTITIONS, Tables, append, current_state, replace_batch, undo_unfinished

moment = pa.timestamp("us", tz="UTC")
INPUTS = pa.list_(
    struct(source=text, path=text, size=long, modified=long, sha256=text, records=long, conversations=long, quarantined=long, duplicates=long, damaged=long)
)
RUNS = struct(
    run_id=text,
    batch=text,
    versions=pa.map_(text, long),
    files=pa.map_(text, pa.list_(text)),
    states=pa.map_(text, long),
    reasons=pa.map_(text, long),
    inputs=INPUTS,
    code=text,
    config=text,
    tokenizers=pa.map_(text, text),
    started=moment,
    finished=moment,
)


def publish(run: Run, staged: Staged, images: DataFrame, books: Books, splits: Sequence[Row]) -> Json:
    """Commits the batch and returns {"versions", "files", "undone"}. The caller holds the root's lock."""
    undone = undo_unfinished(run.tables, run.run_id)
    for table in BATCHED:
        partitions = [name for name in PARTITIONS[table] if name != "batch"]
        replace_batch(run.tables, table, staged.table(table).hint("rebalance", *partitions), run.batch, run.run_id)
    append(run.tables, "images", _not_yet_listed(run.tables, images), run.run_id)
    versions, files = current_state(run.tables, [*BATCHED, "images"])
    append(run.tables, "runs", _runs_frame(run, books, splits, versions, files), run.run_id)
    return {"versions": versions, "files": files, "undone": undone}


def input_rows(splits: Sequence[Row]) -> list[Row]:
    """The input files, each once, however many splits it was read in."""
    return list({row["path"]: {name: row[name] for name in ("source", "path", "size", "modified", "sha256")} for row in splits}.values())


def _not_yet_listed(tables: Tables, images: DataFrame) -> DataFrame:
    """A verdict that rests on a limit is found anew each night; it is listed once. A missing file is no image."""
    images = images.where(F.col("reason").isNull() | (F.col("reason") != Reason.IMAGE_MISSING.code)).withColumn("why", F.coalesce("reason", F.lit("")))
    listed = tables.read("images")
    if listed is not None:
        images = images.join(listed.select(*KEY, "level", F.coalesce("reason", F.lit("")).alias("why")), on=[*KEY, "level", "why"], how="left_anti")
    return images.drop("why").coalesce(1)


def _runs_frame(run: Run, books: Books, splits: Sequence[Row], versions: dict[str, int] | None, files: dict[str, list[str]] | None) -> DataFrame:
    book_of = {book.path: book for book in books.files}
    counts = ("records", "conversations", "quarantined", "duplicates", "damaged")
    row = {
        "run_id": run.run_id,
        "batch": run.batch,
        "versions": versions and list(versions.items()),
        "files": files and list(files.items()),
        "states": list(books.states().items()),
        "reasons": list(books.reasons.items()),
        "inputs": [file | {name: getattr(book_of.get(file["path"]), name, 0) for name in counts} for file in input_rows(splits)],
        "code": code_fingerprint(),
        "config": config_fingerprint(run.config),
        "tokenizers": [(name, facts["fingerprint"]) for name, facts in tokenizer_facts(run.flow).items()],
        "started": run.started,
        "finished": datetime.now(UTC),
    }
    table = pa.Table.from_pylist([row], schema=pa.schema(list(RUNS)))
    return run.spark.createDataFrame(table, from_arrow_schema(table.schema)).coalesce(1)
