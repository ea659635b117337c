"""Inputs -> everything a run makes, on disk under `_staging/<run_id>`; nothing here is visible to a reader of the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from pipelines.config import Config
from pipelines.containers.listing import InputFile
from pipelines.flow import Flow
from pipelines.parts import Files
from pipelines.reading import count_rows
from pipelines.schema import COLUMNS, Row
from pipelines.spark.audit import Staged
from pipelines.spark.bridge import Work, read_parts, write_parts
from pipelines.spark.finish import OUTCOMES, Naming, join_images, mark_drafts, outcomes_work
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


def stage(run: Run, drafts: Work, clashing: DataFrame | None = None) -> tuple[Staged, DataFrame]:
    """(what was staged, the rows to add to table `images`), each written once and read back. `drafts` makes rows of DRAFTS.

    `clashing` has the record_id of those whose id is known to name other content too, which these drafts alone may not show.
    """
    with run.steps.step("read and normalize"):
        read = _write(run, "drafts", drafts, {"drafts": DRAFTS})
        made = read_parts(run.spark, read, "drafts", DRAFTS)
    marked = mark_drafts(made, clashing)
    with run.steps.step("locate and verify images"):
        seen, new = _look(run, marked) if made.where("size(refs) > 0").limit(1).count() else (None, run.spark.createDataFrame([], _schema(IMAGES)))
    with run.steps.step("tokenize"):
        work = outcomes_work(run.spark, [str(path) for path, _ in read.of("drafts")], join_images(marked, seen), Naming(run.batch, run.run_id), run.config)
        outcomes = Outcomes(run, _write(run, "outcomes", work, OUTCOMES))
    conversations, samples, quarantine = (staged_table(outcomes, name) for name in ("conversations", "samples", "quarantine"))
    return Staged(made, conversations, samples, quarantine, outcomes.files), new


class Outcomes(NamedTuple):
    """The files of the three tables that a run has staged."""

    run: Run
    files: Files


def staged_table(outcomes: Outcomes, table: str) -> DataFrame:
    return read_parts(outcomes.run.spark, outcomes.files, table, COLUMNS[table])


def _look(run: Run, marked: DataFrame) -> tuple[DataFrame, DataFrame]:
    """(what finish needs to know of every image, the rows to add to table `images`)."""
    located = _written(run, "located", locate_refs(marked.where("kept is null"), run.config), LOCATED)
    catalogue = run.tables.read("images")
    known = None if catalogue is None else known_images(catalogue, run.config.images.verify)
    new = _written(run, "images", verify_new(located, known, run.config), IMAGES)
    images = new if known is None else new.unionByName(known.join(located.select(*KEY).distinct(), on=KEY, how="left_semi").select(*new.columns))
    return seen_images(located, images), new


def images_opened(run: Run) -> int:
    """Images that this run opened; those that the catalogue knew it did not."""
    return count_rows([str(path) for path in (run.staging / "images").glob("*.parquet")])


def _write(run: Run, name: str, work: Work, kinds: Mapping[str, pa.StructType]) -> Files:
    run.tables.at(f"stage {name}: before")
    files = write_parts(work, run.staging / name, run.run_id, kinds)
    run.tables.at(f"stage {name}: after")
    return files


def _written(run: Run, name: str, frame: DataFrame, kind: pa.StructType) -> DataFrame:
    """The frame on disk, read back with the columns it must have."""
    path = str(run.staging / name)
    run.tables.at(f"stage {name}: before")
    frame.write.mode("overwrite").parquet(path)
    run.tables.at(f"stage {name}: after")
    return run.spark.read.schema(_schema(kind)).parquet(path)


def _schema(kind: pa.StructType) -> StructType:
    return from_arrow_schema(pa.schema(list(kind)))
