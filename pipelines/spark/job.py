"""The main job: stage, read back, balance, gate, publish."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from pipelines.books import Books, closed_gates, too_many_errors
from pipelines.config import Config
from pipelines.containers.listing import InputFile, list_inputs
from pipelines.flow import Flow, open_flow
from pipelines.lock import publication_lock
from pipelines.manifest import Json, make_manifest, manifest_bytes
from pipelines.spark import tables as T
from pipelines.spark.audit import Staged, audit, doubled_rows, repair_counts, split_rows
from pipelines.spark.finish import OUTCOMES, join_images, make_outcomes, mark_drafts, staged_table
from pipelines.spark.ingest import read_drafts, survey_files
from pipelines.spark.look import IMAGES, KEY, known_images, locate_refs, seen_images, verify_new
from pipelines.spark.progress import Steps, watch
from pipelines.spark.runs import run_row

PUBLISHED, GATE_FAILED, INTERNAL = "published", "gate_failed", "internal_error"
EXIT_CODES = {PUBLISHED: 0, INTERNAL: 1, GATE_FAILED: 3}


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended: `words` say why where it did not publish."""

    status: str
    words: tuple[str, ...]
    manifest: Json
    report: Path

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.status]

    def line(self) -> Json:
        """The one line on stdout that a scheduler reads."""
        named = ("run_id", "batch", "counts", "quarantined_share", "versions")
        return {"status": self.status, "words": list(self.words), "report": str(self.report)} | {key: self.manifest[key] for key in named}


@dataclass(frozen=True, slots=True)
class Run:
    """What every step of one run needs to know."""

    spark: SparkSession
    flow: Flow
    batch: str
    run_id: str
    started: datetime
    steps: Steps
    tables: T.Tables

    @property
    def config(self) -> Config:
        return self.flow.config

    @property
    def staging(self) -> Path:
        return self.tables.root / "_staging" / self.run_id


def run_batch(spark: SparkSession, config: Config, batch: str, run_id: str, started: datetime) -> Result:
    """Runs one batch to its end. Raises ConfigError, FileNotFoundError and LostRace before anything is published."""
    inputs = [file for source in config.sources for file in list_inputs(source, batch)]
    tables = T.Tables(spark, Path(config.output.root), config.output.format)
    with watch(spark) as steps:
        run = Run(spark, open_flow(config), batch, run_id, started, steps, tables)
        splits, staged, images = stage(run, inputs)
        return close(run, _input_rows(inputs, splits), staged, images)
