"""The main job: prepare, compare with what is published, stage, and complete the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.config import Config
from pipelines.containers.inputs import inputs_of
from pipelines.flow import open_flow
from pipelines.ledger.batches import BatchKey, compare_with_published
from pipelines.ledger.manifest import code_fingerprint, config_fingerprint, listed_facts, tokenizer_facts
from pipelines.spark.plans.drafts import read_drafts
from pipelines.spark.publishing.publish import input_rows
from pipelines.spark.publishing.recovery import clean_up, recover
from pipelines.spark.publishing.tables import OnPoint, Tables
from pipelines.spark.run.completion import Result, RunOutput, complete_run, unchanged_result
from pipelines.spark.run.progress import show_progress
from pipelines.spark.run.staging import Run, stage_rows, survey
from pipelines.storage.locks import batch_lock, mark_in_use, publication_lock
from pipelines.tables.reading import run_rows
from pipelines.tables.schema import Row


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`replace` a batch even if other code or another configuration published it; `force` a run even if nothing has changed.

    `on_point` is called with the name of each point at which the run changes the disk. The crash tests stop runs there.
    """

    replace: bool = False
    force: bool = False
    on_point: OnPoint = lambda point: None
    now: Callable[[], datetime] = _now


DEFAULT_OPTIONS = RunOptions()


def run_batch(spark: SparkSession, config: Config, batch: str, run_id: str, started: datetime, options: RunOptions = DEFAULT_OPTIONS) -> Result:
    """Runs one batch. Raises ConfigError, Refused or LostRace; then nothing has been published."""
    with prepare_run(spark, config, batch, run_id, started, options) as run:
        listing = inputs_of(config, batch)
        splits = survey(run, listing.files)
        comparison = compare_with_published(run_rows(run.tables.root), batch_key_of(run, input_rows(splits)), options.replace)
        if comparison.is_same and not options.force:
            return unchanged_result(run, comparison)
        staged, images = stage_rows(run, read_drafts(spark, splits, run.flow))
        return complete_run(run, RunOutput(staged, images, input_rows(splits), facts=listed_facts(listing)), comparison)


@contextmanager
def prepare_run(spark: SparkSession, config: Config, batch: str, run_id: str, started: datetime, options: RunOptions) -> Iterator[Run]:
    """The run, with its batch and its staging folder locked, and the root recovered from runs that were killed."""
    tables = Tables(spark, Path(config.output.root), config.output.format, options.on_point)
    with ExitStack() as stack:
        stack.enter_context(batch_lock(tables.root, batch))
        steps = stack.enter_context(show_progress(spark))
        run = Run(spark, open_flow(config), batch, run_id, started, steps, tables, options.now)
        with steps.step("recover from killed runs"), publication_lock(tables.root, steps.say):
            for line in recover(tables, run_id):
                steps.say(line)
            stack.enter_context(mark_in_use(run.staging))
        stack.callback(clean_up, tables, run_id)
        yield run


def batch_key_of(run: Run, inputs: Sequence[Row]) -> BatchKey:
    """What identifies this run's batch."""
    files = frozenset((row["source"], row["path"], row["sha256"]) for row in inputs)
    tokenizers = tuple(sorted((name, fact["fingerprint"]) for name, fact in tokenizer_facts(run.flow).items()))
    return BatchKey(run.batch, files, code_fingerprint(), config_fingerprint(run.config), tokenizers)
