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
from pipelines.spark.audit import audit, doubled_rows, repair_counts, split_rows
from pipelines.spark.progress import watch
from pipelines.spark.publish import input_rows, publish
from pipelines.spark.reporting import report_of
from pipelines.spark.stage import Run, stage
from pipelines.spark.tables import Tables
from pipelines.summary import summary_lines

PUBLISHED, GATE_FAILED, INTERNAL = "published", "gate_failed", "internal_error"
EXIT_CODES = {PUBLISHED: 0, INTERNAL: 1, GATE_FAILED: 3}


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended; `words` say why where it did not publish."""

    status: str
    words: tuple[str, ...]
    manifest: Json
    books: Books
    root: Path
    report: Path

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.status]

    def line(self) -> Json:
        """The one line on stdout that a scheduler reads."""
        named = ("run_id", "batch", "counts", "quarantined_share", "published")
        return {"status": self.status, "words": list(self.words), "report": str(self.report)} | {key: self.manifest[key] for key in named}

    def summary(self) -> list[str]:
        """What a person reads at the end."""
        lines = summary_lines(self.books, self.manifest["splits"], self.manifest["repairs"])
        standins = [f"{name}: {fact['tokenizer']} is a stand-in vocabulary" for name, fact in self.manifest["tokenizers"].items() if fact["standin"]]
        seconds = sum(self.manifest["seconds"].values())
        where = f"tables           {self.root}" if self.status == PUBLISHED else f"nothing was published; what was staged is under {self.root}/_staging"
        return [*lines, *standins, *self.words, f"time            {seconds:>9.1f} s", where, f"report           {self.report}"]


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
        with steps.step("report"):
            facts = {"status": status, "words": list(words), "splits": split_rows(staged), "repairs": repair_counts(staged)}
            manifest = make_manifest(flow, batch, run_id, input_rows(splits), books, facts)
            report = report_of(run, staged, manifest)
        published: Json = {"versions": None, "files": None}
        if status == PUBLISHED:
            with steps.step("publish"), publication_lock(tables.root):
                published = publish(run, staged, images, books, splits)
        return _close(run, status, words, books, manifest | {"published": published}, report)


def _verdict(books: Books, faults: Sequence[str], config: Config) -> tuple[str, tuple[str, ...]]:
    """Whether to publish. Books that do not close are our own fault, and nothing may be published from them."""
    errors = too_many_errors(books, config.gates)
    if faults or errors:
        return INTERNAL, (*faults, *([errors] if errors else []))
    closed = closed_gates(books, config.gates)
    return (GATE_FAILED, tuple(closed)) if closed else (PUBLISHED, ())


def _close(run: Run, status: str, words: tuple[str, ...], books: Books, manifest: Json, report: str) -> Result:
    """Manifest and report: under the root where the run was published, else beside what it staged."""
    folder = (run.tables.root if status == PUBLISHED else run.staging) / "reports" / run.batch
    folder.mkdir(parents=True, exist_ok=True)
    manifest |= {"started": run.started.isoformat(), "finished": datetime.now(UTC).isoformat(), "seconds": run.steps.seconds}
    (folder / "report.html").write_text(report, encoding="utf-8")
    (folder / "manifest.json").write_bytes(manifest_bytes(manifest))
    if status == PUBLISHED:
        shutil.rmtree(run.staging)
    return Result(status, words, manifest, books, run.tables.root, folder / "report.html")
