"""The main job, the hall of the Spark side: stage, read back, balance, gate, publish."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.books import Books, closed_gates, too_many_errors
from pipelines.config import Config
from pipelines.containers.listing import list_inputs
from pipelines.flow import open_flow
from pipelines.lock import publication_lock
from pipelines.manifest import Json, make_manifest, manifest_bytes
from pipelines.schema import Row
from pipelines.spark.audit import Staged, audit, doubled_rows, repair_counts, split_rows
from pipelines.spark.progress import watch
from pipelines.spark.publish import input_rows, publish
from pipelines.spark.reporting import write_report
from pipelines.spark.stage import Run, stage
from pipelines.spark.tables import Tables

PUBLISHED, GATE_FAILED, INTERNAL = "published", "gate_failed", "internal_error"
EXIT_CODES = {PUBLISHED: 0, INTERNAL: 1, GATE_FAILED: 3}


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended; `words` say why where it did not publish."""

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


def run_batch(spark: SparkSession, config: Config, batch: str, run_id: str, started: datetime) -> Result:
    """Runs one batch to its end. Raises ConfigError, FileNotFoundError and LostRace before anything is published."""
    inputs = [file for source in config.sources for file in list_inputs(source, batch)]
    flow = open_flow(config)
    tables = Tables(spark, Path(config.output.root), config.output.format)
    with watch(spark) as steps:
        run = Run(spark, flow, batch, run_id, started, steps, tables)
        splits, staged, images = stage(run, inputs)
        with steps.step("balance the books"):
            books = audit(staged, config)
            faults = [*books.faults(), *doubled_rows(staged)]
        status, words = _verdict(books, faults, config)
        versions: Json = {"versions": None, "files": None}
        if status == PUBLISHED:
            with steps.step("publish"), publication_lock(tables.root):
                versions = publish(run, staged, images, books, splits)
        return _close(run, status, words, staged, books, splits, versions)


def _verdict(books: Books, faults: Sequence[str], config: Config) -> tuple[str, tuple[str, ...]]:
    """Whether to publish. Books that do not close are our own fault, and nothing may be published from them."""
    errors = too_many_errors(books, config.gates)
    if faults or errors:
        return INTERNAL, (*faults, *([errors] if errors else []))
    closed = closed_gates(books, config.gates)
    return (GATE_FAILED, tuple(closed)) if closed else (PUBLISHED, ())


def _close(run: Run, status: str, words: tuple[str, ...], staged: Staged, books: Books, splits: Sequence[Row], versions: Json) -> Result:
    """Manifest and report: under the root where the run was published, else beside what it staged."""
    home = run.tables.root if status == PUBLISHED else run.staging
    folder = home / "reports" / run.batch
    folder.mkdir(parents=True, exist_ok=True)
    with run.steps.step("report"):
        facts = {"status": status, "words": list(words), "splits": split_rows(staged), "repairs": repair_counts(staged), **versions}
        manifest = make_manifest(run.flow, run.batch, run.run_id, input_rows(splits), books, facts)
        report = write_report(run, staged, books, manifest, folder)
    finished = datetime.now(UTC)
    manifest |= {"started": run.started.isoformat(), "finished": finished.isoformat(), "seconds": run.steps.seconds}
    (folder / "manifest.json").write_bytes(manifest_bytes(manifest))
    if status == PUBLISHED:
        shutil.rmtree(run.staging)
    return Result(status, words, manifest, report)
