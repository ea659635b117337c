"""Inputs -> the files of a run. The rows of the tables are written where they stay; everything else goes to the run's work folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession

from pipelines.config import Config
from pipelines.containers.listing import InputFile
from pipelines.episodes.steps.groups import with_histories
from pipelines.flow import Flow
from pipelines.reasons import Reason
from pipelines.spark.plans.bridge import Job, Work, file_batches, read_files, read_paths, write_files
from pipelines.spark.plans.context import PLACED, Outside, are_all_different, draft_context
from pipelines.spark.plans.drafts import DRAFTS, survey_files
from pipelines.spark.plans.images import VERIFIED, images_by_reference, new_images, verify_images
from pipelines.spark.plans.outcomes import outcomes_work
from pipelines.spark.plans.read_back import Staged
from pipelines.spark.plans.steps import find_units, histories_work
from pipelines.spark.run.progress import Steps
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.record_keys import FOUND, find_published, keys_of
from pipelines.tables.schema import Row, long, struct, text
from pipelines.tables.writing import OUTCOMES, FileSet

ALL = Outside()


@dataclass(frozen=True, slots=True)
class Run:
    """What every step of a run needs. `runs` are the rows of table `runs` that this run is compared with, read once."""

    spark: SparkSession
    flow: Flow
    batch: str
    run_id: str
    started: datetime
    steps: Steps
    root: OutputRoot
    now: Callable[[], datetime]
    runs: Sequence[Row] = ()
    begun: list[bool] = field(default_factory=list)  # not empty once there may be files of this run
    publishing: list[bool] = field(default_factory=list)  # not empty while it is unknown whether the commit of `runs` went through

    @property
    def config(self) -> Config:
        return self.flow.config

    @property
    def job(self) -> Job:
        return Job(self.spark, self.root, self.run_id)


@dataclass(frozen=True, slots=True)
class StagedRun:
    """What a run has written: its rows, the rows that table `images` lacks, and how many images it opened."""

    staged: Staged
    images: FileSet
    images_opened: int
    units: Mapping[str, str]  # source -> the unit of its points, as `find_units` has it


def survey(run: Run, inputs: Sequence[InputFile]) -> list[Row]:
    """The splits of the input files, each with the hash of its file."""
    with run.steps.step("survey the input files"):
        return survey_files(run.job, inputs)


def stage_rows(
    run: Run,
    drafts: Work,
    outside: Outside = ALL,
    folder: str | None = None,
    units: Mapping[str, str] | None = None,
    size: int = 0,
    check_drafts: Callable[[FileSet], None] = lambda drafts: None,
) -> StagedRun:
    """`drafts` makes rows of DRAFTS. The rows of the tables are written to the tables' own folders, or below `folder`.

    `outside` is what these drafts alone may not show, because they are only some of the batch's records, and so are `units`, the unit of points of
    each source. `size` is how many bytes the drafts are made of. `check_drafts` is called with them before anything is made of them.
    """
    job = run.job
    with run.steps.step("read and normalize", size, "byte"):
        read = _write(run, "drafts", drafts, job.work_folder, {"drafts": DRAFTS})
        check_drafts(read)
        if with_histories(run.config):
            read = _write(run, "steps", histories_work(job, read, run.config), f"{job.work_folder}/with_histories", {"drafts": DRAFTS})
        if units is None:
            units = find_units(job, read) if any(source.rows.of == "step" for source in run.config.sources) else {}
    verified, context = FileSet(job.work_folder, []), None
    records, references = sum(file.rows for file in read.files), sum(file.refs for file in read.files)
    if references:
        with run.steps.step("locate and verify images", references, "reference"):
            run.root.on_point("stage images: before")
            verified = verify_images(job, read, run.config)
            run.root.on_point("stage images: after")
    with run.steps.step("tokenize", records):
        is_folded = bool(run.config.cumulative)
        if verified.files:
            outside = outside._replace(seen=images_by_reference(read_files(job, verified, "verified", VERIFIED)))
        if run.config.duplicates == "root":
            outside = outside._replace(published=_published_before(run, read))
        if any(one is not None for one in outside) or is_folded or not are_all_different(read, run.root.stores):
            context = draft_context(job, read_files(job, read, "drafts", PLACED), outside, is_folded)
        outcomes = _write(run, "outcomes", outcomes_work(job, read, context, run.batch, run.flow, units), folder or run.root.uri, OUTCOMES)
        opened, new = _count_images(run, verified)
        images = new_images(job, verified) if new else FileSet(run.root.uri, [])
    return StagedRun(Staged(read, outcomes), images, opened, units)


def _published_before(run: Run, drafts: FileSet) -> DataFrame | None:
    """The records of these drafts that other batches have published; None where there are none. The driver looks them up."""
    kind = struct(record_id=text, origin=struct(line=long))
    batches = (batch for path, _ in drafts.of("drafts") for batch in file_batches(path, {}, kind, run.root.stores))
    keys = keys_of(batch.filter(pc.greater(pc.struct_field(batch["origin"], "line"), 0))["record_id"] for batch in batches)
    found = find_published(run.root, run.runs, run.batch, keys, run.run_id, (Reason.RECORD_SUPERSEDED.code,))
    return read_paths(run.job, [{"path": run.job.share(found).path, "values": []}], pa.struct(list(FOUND))) if len(found) else None


def _count_images(run: Run, verified: FileSet) -> tuple[int, int]:
    """(images that this run opened, images that table `images` lacks)."""
    opened = new = 0
    for path, _ in verified.of("verified"):
        for batch in file_batches(path, {}, struct(opened=pa.bool_(), is_new=pa.bool_()), run.root.stores):
            opened += pc.sum(batch["opened"]).as_py() or 0
            new += pc.sum(batch["is_new"]).as_py() or 0
    return opened, new


def _write(run: Run, name: str, work: Work, folder: str, kinds: Mapping[str, pa.StructType]) -> FileSet:
    run.root.on_point(f"stage {name}: before")
    files = write_files(run.job, work, folder, kinds)
    run.root.on_point(f"stage {name}: after")
    return files
