"""Inputs -> everything a run makes, on disk under `_staging/<run_id>`; nothing here is visible to a reader of the tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from pipelines.config import Config
from pipelines.containers.listing import InputFile
from pipelines.flow import Flow
from pipelines.reading import count_rows
from pipelines.schema import Row
from pipelines.spark.audit import Staged
from pipelines.spark.finish import OUTCOMES, join_images, make_outcomes, mark_drafts, staged_table
from pipelines.spark.ingest import DRAFTS, survey_files
from pipelines.spark.look import IMAGES, KEY, LOCATED, known_images, locate_refs, seen_images, verify_new
from pipelines.spark.progress import Steps
from pipelines.spark.tables import Tables


@dataclass(frozen=True, slots=True)
class Run:
    """What every step of one run needs to know."""

    spark: SparkSession
    flow: Flow
    batch: str
    run_id: str
    started: datetime
    steps: Steps
    tables: Tables
    now: Callable[[], datetime]

    @property
    def config(self) -> Config:
        return self.flow.config

    @property
    def staging(self) -> Path:
        return self.tables.root / "_staging" / self.run_id


def survey(run: Run, inputs: Sequence[InputFile]) -> list[Row]:
    """The splits that the input files are read in, each with its file's hash."""
    with run.steps.step("survey the input files"):
        return survey_files(run.spark, inputs)


def stage(run: Run, drafts: DataFrame, clashing: DataFrame | None = None) -> tuple[Staged, DataFrame]:
    """(what was staged, the rows to add to table `images`), each written once and read back. `drafts` are rows of DRAFTS.

    `clashing` has the record_id of those whose id is known to name other content too, which these drafts alone may not show.
    """
    with run.steps.step("read and normalize"):
        drafts = _written(run, "drafts", drafts, DRAFTS)
    with run.steps.step("locate and verify images"):
        marked = mark_drafts(drafts, clashing)
        located = _written(run, "located", locate_refs(marked.where("kept is null"), run.config), LOCATED)
        catalogue = run.tables.read("images")
        known = None if catalogue is None else known_images(catalogue, run.config.images.verify)
        new = _written(run, "images", verify_new(located, known, run.config), IMAGES)
    with run.steps.step("tokenize"):
        images = new if known is None else new.unionByName(known.join(located.select(*KEY).distinct(), on=KEY, how="left_semi").select(*new.columns))
        joined = join_images(marked, seen_images(located, images))
        outcomes = _written(run, "outcomes", make_outcomes(joined, run.config, run.batch, run.run_id), OUTCOMES)
    return Staged(drafts, *(staged_table(outcomes, name) for name in ("conversations", "samples", "quarantine"))), new


def images_opened(run: Run) -> int:
    """Images that this run opened; those that the catalogue knew it did not."""
    return count_rows([str(path) for path in (run.staging / "images").glob("*.parquet")])


def _written(run: Run, name: str, frame: DataFrame, kind: pa.StructType) -> DataFrame:
    """The frame on disk, read back with the columns it must have."""
    path = str(run.staging / name)
    writer = frame.write.mode("overwrite")
    run.tables.at(f"stage {name}: before")
    (writer.partitionBy("table") if "table" in frame.columns else writer).parquet(path)
    run.tables.at(f"stage {name}: after")
    return run.spark.read.schema(from_arrow_schema(pa.schema(list(kind)))).parquet(path)
