"""Inputs -> everything a run makes, on disk under `_staging/<run_id>`; nothing here is visible to a reader of the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from pipelines.config import Config
from pipelines.containers.listing import InputFile
from pipelines.flow import Flow
from pipelines.parts import OUTCOMES, Files
from pipelines.reading import count_rows
from pipelines.schema import IMAGES, Row
from pipelines.spark.audit import Staged
from pipelines.spark.bridge import Work, read_parts, write_parts
from pipelines.spark.finish import Naming, join_images, mark_drafts, outcomes_work
from pipelines.spark.ingest import DRAFTS, survey_files
from pipelines.spark.look import KEY, LOCATED, known_images, locate_refs, seen_images, verify_new
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


def stage(run: Run, drafts: Work, clashing: DataFrame | None = None) -> tuple[Staged, DataFrame | None]:
    """(what was staged, the images that were verified), each written once and read back. `drafts` makes rows of DRAFTS.

    `clashing` has the record_id of those whose id is known to name other content too, which these drafts alone may not show.
    """
    with run.steps.step("read and normalize"):
        read = _write(run, "drafts", drafts, {"drafts": DRAFTS})
    marked = mark_drafts(read_parts(run.spark, read, "drafts", DRAFTS), clashing)
    seen = new = None
    if _name_images(read):
        with run.steps.step("locate and verify images"):
            seen, new = _look(run, marked)
    with run.steps.step("tokenize"):
        work = outcomes_work(run.spark, [str(path) for path, _ in read.of("drafts")], join_images(marked, seen), Naming(run.batch, run.run_id), run.config)
        return Staged(read, _write(run, "outcomes", work, OUTCOMES)), new


def _name_images(drafts: Files) -> bool:
    """Whether any record names an image: most nights of text end the question at this small column."""
    for path, _ in drafts.of("drafts"):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=["refs.list.element.key"], use_threads=False):
                if pc.sum(pc.list_value_length(batch["refs"])).as_py():
                    return True
    return False


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
