"""The main job: prepare, compare with what is published, write the rows, and complete the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pyspark.sql import SparkSession

from pipelines.config import Config
from pipelines.containers.inputs import inputs_of
from pipelines.flow import open_flow
from pipelines.ledger.batches import BatchKey, compare_with_published
from pipelines.ledger.manifest import code_fingerprint, config_fingerprint, listed_facts, tokenizer_facts
from pipelines.spark.plans.drafts import read_drafts
from pipelines.spark.run.completion import Result, RunOutput, complete_run, unchanged_result
from pipelines.spark.run.progress import show_progress
from pipelines.spark.run.staging import Run, stage_rows, survey
from pipelines.storage.files import delete_folder
from pipelines.storage.locks import LostRace, batch_lock
from pipelines.tables.publication.cleaning import Begun, has_ended, note_begun, remove_run
from pipelines.tables.publication.complete import complete
from pipelines.tables.publication.root import OnPoint, OutputRoot, newest_of
from pipelines.tables.reading import input_rows_of
from pipelines.tables.schema import Row


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`replace` a batch even if other code or another configuration published it; `force` a run even if nothing has changed.

    `on_point` is called with the name of each point at which the run changes what is stored. The crash tests stop runs there.
    """

    replace: bool = False
    force: bool = False
    on_point: OnPoint = lambda point: None
    now: Callable[[], datetime] = _now


DEFAULT_OPTIONS = RunOptions()


def run_batch(spark: SparkSession, config: Config, batch: str, run_id: str, started: datetime, options: RunOptions = DEFAULT_OPTIONS) -> Result:
    """Runs one batch. Raises ConfigError, Refused, LostRace or RootDamaged; then nothing has been published."""
    with prepare_run(spark, config, batch, run_id, started, options) as run:
        listing = inputs_of(config, batch)
        splits = survey(run, listing.files)
        inputs = input_rows(splits)
        key = batch_key_of(run, inputs)
        comparison = compare_with_published(run.runs, key, options.replace, lambda row: input_rows_of(run.root, row["run_id"]))
        if comparison.is_same and not options.force:
            words = tuple(f"nothing to do: {word}; run with --force to write its rows again" for word in comparison.words)
            return unchanged_result(run, replace(comparison, words=words))
        begin(run)
        staged = stage_rows(run, read_drafts(run.job, splits, run.flow), size=sum(row["size"] for row in inputs))
        return complete_run(run, RunOutput(staged, inputs, key.inputs_sha256, facts=listed_facts(listing)), comparison)


@contextmanager
def prepare_run(spark: SparkSession, config: Config, batch: str, run_id: str, started: datetime, options: RunOptions) -> Iterator[Run]:
    """The run, with its batch locked, and with the tables brought up to every published run, also of a driver that was killed."""
    root = OutputRoot(config.output.root, config.stores, options.on_point)
    with ExitStack() as stack:
        steps = stack.enter_context(show_progress(spark))
        stack.enter_context(batch_lock(root.uri, batch, run_id, root.stores, steps.say))
        flow = open_flow(config)
        with steps.step("complete earlier runs"):
            runs = root.runs()
            for line in complete(root, runs, config.retention.days):
                steps.say(line)
        run = Run(spark, flow, batch, run_id, started, steps, root, options.now, runs)
        stack.callback(_clean_up, run)
        try:
            yield run
        except LostRace:
            raise
        except Exception as error:
            if _is_overtaken(run):  # then its files may be gone, whatever the error says
                raise LostRace(f"another run published batch {batch} while this run was working") from error
            raise


def begin(run: Run) -> None:
    """Notes that the run begins to write, and what it was compared with."""
    run.begun.append(True)
    note_begun(run.root, Begun(run.run_id, run.batch, run.runs[-1]["version"] if run.runs else -1))


def input_rows(splits: Sequence[Row]) -> list[Row]:
    """The input files, each once, however many splits it has."""
    names = ("source", "path", "size", "modified", "sha256")
    return list({(row["source"], row["path"]): {name: row[name] for name in names} for row in splits}.values())


def batch_key_of(run: Run, inputs: Sequence[Row]) -> BatchKey:
    """What identifies this run's batch."""
    files = frozenset((row["source"], row["path"], row["sha256"]) for row in inputs)
    tokenizers = tuple(sorted((name, fact["fingerprint"]) for name, fact in tokenizer_facts(run.flow).items()))
    return BatchKey(run.batch, files, code_fingerprint(), config_fingerprint(run.config), tokenizers)


def _is_overtaken(run: Run) -> bool:
    """Whether another run has published the batch since this one has begun."""
    if not run.begun or run.publishing:
        return False
    now, before = newest_of(run.root.runs(), run.batch), newest_of(run.runs, run.batch)
    return now is not None and now["run_id"] not in (run.run_id, before and before["run_id"])


def _clean_up(run: Run) -> None:
    """Removes what a run leaves that was not published. Where that is unknown, nothing is removed: the next run of the batch does it."""
    if run.publishing:
        return
    if has_ended(run.root, run.run_id):
        delete_folder(run.root.work_folder(run.run_id), run.root.stores)
    elif run.begun and all(row["run_id"] != run.run_id for row in run.root.runs()):
        remove_run(run.root, run.run_id, run.batch)
