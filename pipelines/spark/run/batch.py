"""The main job, the hall of the Spark side: compare with what stands, stage, read back, balance, gate, publish."""

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
    """How a run is to be done. `replace`: over a batch of other code or configuration too; `force`: even where nothing changed.

    `at` is told each step that touches the disk: the crash harness stops runs there.
    """

    replace: bool = False
    force: bool = False
    on_point: OnPoint = lambda point: None
    now: Callable[[], datetime] = _now


DEFAULT_OPTIONS = RunOptions()


def run_batch(spark: SparkSession, config: Config, batch: str, run_id: str, started: datetime, options: RunOptions = DEFAULT_OPTIONS) -> Result:
    """Runs one batch to its end. Raises ConfigError, Refused and LostRace; then nothing was published."""
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
    """The run: its batch locked, its staging folder held, and the root settled after whoever was killed before."""
    tables = Tables(spark, Path(config.output.root), config.output.format, options.on_point)
    with ExitStack() as held:
        held.enter_context(batch_lock(tables.root, batch))
        steps = held.enter_context(show_progress(spark))
        run = Run(spark, open_flow(config), batch, run_id, started, steps, tables, options.now)
        with steps.step("settle what stands"), publication_lock(tables.root, steps.say):
            for word in recover(tables, run_id):
                steps.say(word)
            held.enter_context(mark_in_use(run.staging))
        held.callback(clean_up, tables, run_id)
        yield run


def batch_key_of(run: Run, inputs: Sequence[Row]) -> BatchKey:
    """What this run's batch is output of."""
    files = frozenset((row["source"], row["path"], row["sha256"]) for row in inputs)
    tokenizers = tuple(sorted((name, fact["fingerprint"]) for name, fact in tokenizer_facts(run.flow).items()))
    return BatchKey(run.batch, files, code_fingerprint(), config_fingerprint(run.config), tokenizers)
