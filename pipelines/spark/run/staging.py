"""Inputs -> all files of a run under `_staging/<run_id>`, where readers of the tables do not see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from weakref import WeakSet

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from pipelines.config import Config
from pipelines.containers.listing import InputFile
from pipelines.flow import Flow
from pipelines.ledger.tally import BATCH_ROWS
from pipelines.spark.plans.bridge import Work, empty_files, read_files, reader_of, write_files
from pipelines.spark.plans.drafts import DRAFTS, survey_files
from pipelines.spark.plans.images import VERIFIED, images_by_reference, verify_images
from pipelines.spark.plans.outcomes import are_all_different, draft_context, outcomes_work
from pipelines.spark.plans.read_back import Staged
from pipelines.spark.publishing.tables import Tables
from pipelines.spark.run.progress import Steps
from pipelines.spark.session.startup import in_background
from pipelines.tables.parquet import read_in_batches
from pipelines.tables.schema import IMAGES, Row
from pipelines.tables.writing import OUTCOMES, FileSet


@dataclass(frozen=True, slots=True)
class Run:
    """What every step of a run needs."""

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
    """The splits of the input files, each with the hash of its file."""
    with run.steps.step("survey the input files"):
        return survey_files(run.spark, inputs, run.config.stores)


def stage_rows(run: Run, drafts: Work, clashing: DataFrame | None = None) -> tuple[Staged, DataFrame | None]:
    """(the staged files, the images that were opened). `drafts` makes rows of DRAFTS.

    `clashing` has the record_id of each record with a known id conflict, which these drafts alone may not show.
    """
    in_background(run.flow.load_reference_tokenizers)
    _plan_ahead(run)
    with run.steps.step("read and normalize"):
        read = _write(run, "drafts", drafts, {"drafts": DRAFTS})
    verified = context = None
    if _any_images(read):
        with run.steps.step("locate and verify images"):
            verified = _verify_images(run, read_files(run.spark, read, "drafts", DRAFTS))
    with run.steps.step("tokenize"):
        if verified is not None or clashing is not None or not are_all_different(read):
            context = draft_context(read_files(run.spark, read, "drafts", DRAFTS), None if verified is None else images_by_reference(verified), clashing)
        outcomes = _write(run, "outcomes", outcomes_work(run.spark, read, context, run.batch, run.run_id, run.flow), OUTCOMES)
    return Staged(read, outcomes), None if verified is None else verified.where("opened").select(*(field.name for field in IMAGES))


_PLANNED_AHEAD: WeakSet[SparkSession] = WeakSet()


def _plan_ahead(run: Run) -> None:
    """Runs the queries of the next steps over no drafts at all, while workers read the input.

    The first time in a session the JVM takes two seconds to plan them, and the workers would wait. A batch of text mostly needs no such
    query (`are_all_different`).
    """
    if run.spark in _PLANNED_AHEAD or not any(dialect.takes_images for dialect in run.flow.dialects):
        return
    _PLANNED_AHEAD.add(run.spark)
    none = empty_files(run.staging / "no-drafts", "drafts", DRAFTS)  # before anything else can end the run and remove its folder

    def ask() -> None:
        context = draft_context(read_files(run.spark, none, "drafts", DRAFTS), None)
        outcomes_work(run.spark, none, context, run.batch, run.run_id, run.flow).frame.collect()

    in_background(ask)


def _any_images(drafts: FileSet) -> bool:
    """Whether any record names an image. For text alone, reading this small column is enough."""
    for path, _ in drafts.of("drafts"):
        with pq.ParquetFile(path) as file:
            for batch in read_in_batches(file, BATCH_ROWS, ["refs.list.element.key"]):
                if pc.sum(pc.list_value_length(batch["refs"])).as_py():
                    return True
    return False


def _verify_images(run: Run, drafts: DataFrame) -> DataFrame:
    """One row of VERIFIED per distinct image, written to disk so that no image is opened twice."""
    path = str(run.staging / "images")
    run.tables.on_point("stage images: before")
    verify_images(drafts, run.tables.read("images"), run.config).write.parquet(path)
    run.tables.on_point("stage images: after")
    return reader_of(run.spark, VERIFIED).parquet(path)


def images_opened(run: Run) -> int:
    """How many images this run opened. Images of the catalogue are not opened again."""
    files = (run.staging / "images").glob("*.parquet")
    return sum(pc.sum(pq.read_table(file, columns=["opened"])["opened"]).as_py() or 0 for file in files)


def _write(run: Run, name: str, work: Work, kinds: Mapping[str, pa.StructType]) -> FileSet:
    run.tables.on_point(f"stage {name}: before")
    files = write_files(work, run.staging / name, run.run_id, kinds)
    run.tables.on_point(f"stage {name}: after")
    return files
