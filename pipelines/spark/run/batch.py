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
from pipelines.spark.publishing.recovery import leave, settle
from pipelines.spark.publishing.tables import At, Tables
from pipelines.spark.run.ending import Made, Result, end, unchanged
from pipelines.spark.run.progress import watch
from pipelines.spark.run.staging import Run, stage, survey
from pipelines.storage.locks import alive, batch_lock, publication_lock
from pipelines.tables.reading import run_rows
from pipelines.tables.schema import Row


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run is to be done. `replace`: over a batch of other code or configuration too; `force`: even where nothing changed.

    `at` is told each step that touches the disk: the crash harness stops runs there.
    """

    replace: bool = False
    force: bool = False
    at: At = lambda point: None
    now: Callable[[], datetime] = _now


NIGHTLY = Manner()


def run_batch(spark: SparkSession, config: Config, batch: str, run_id: str, started: datetime, manner: Manner = NIGHTLY) -> Result:
    """Runs one batch to its end. Raises ConfigError, Refused and LostRace; then nothing was published."""
    with opened(spark, config, batch, run_id, started, manner) as run:
        listing = inputs_of(config, batch)
        splits = survey(run, listing.files)
        comparison = compare_with_published(run_rows(run.tables.root), batch_key_of(run, input_rows(splits)), manner.replace)
        if comparison.is_same and not manner.force:
            return unchanged(run, comparison)
        staged, images = stage(run, read_drafts(spark, splits, run.flow))
        return end(run, Made(staged, images, input_rows(splits), facts=listed_facts(listing)), comparison)


@contextmanager
def opened(spark: SparkSession, config: Config, batch: str, run_id: str, started: datetime, manner: Manner) -> Iterator[Run]:
    """The run: its batch locked, its staging folder held, and the root settled after whoever was killed before."""
    tables = Tables(spark, Path(config.output.root), config.output.format, manner.at)
    with ExitStack() as held:
        held.enter_context(batch_lock(tables.root, batch))
        steps = held.enter_context(watch(spark))
        run = Run(spark, open_flow(config), batch, run_id, started, steps, tables, manner.now)
        with steps.step("settle what stands"), publication_lock(tables.root, steps.say):
            for word in settle(tables, run_id):
                steps.say(word)
            held.enter_context(alive(run.staging))
        held.callback(leave, tables, run_id)
        yield run


def batch_key_of(run: Run, inputs: Sequence[Row]) -> BatchKey:
    """What this run's batch is made of."""
    files = frozenset((row["source"], row["path"], row["sha256"]) for row in inputs)
    tokenizers = tuple(sorted((name, fact["fingerprint"]) for name, fact in tokenizer_facts(run.flow).items()))
    return BatchKey(run.batch, files, code_fingerprint(), config_fingerprint(run.config), tokenizers)
