"""The course of `episodes run` and `episodes redrive`, and of the jobs that spark-submit starts."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime

from pyspark.sql import SparkSession

from pipelines.config import Config, load_config
from pipelines.config.places import require_places
from pipelines.spark.run.batch import RunOptions, run_batch
from pipelines.spark.run.catalog import session_settings
from pipelines.spark.run.completion import Result
from pipelines.spark.run.entry import JobStatus, run_id_of
from pipelines.spark.run.redrive import Selection, batches_to_redrive, redrive_batch
from pipelines.spark.session import jars
from pipelines.spark.session.java import require_java
from pipelines.spark.session.session import is_own_session, open_session


def run(options: Namespace) -> int:
    """Runs one batch, or one per day; prints a JSON line for each and returns the exit code."""
    job = JobStatus()
    batches = options.backfill or [options.batch]
    spark = None
    with job.run(batches[0]):
        job.config = config = load_config(options.config, options.set)
        spark = open_spark(config)
    for batch in batches if spark else []:
        with job.run(batch) as finished:
            finished(run_now(spark, config, batch, RunOptions(options.replace, options.force)))
    return job.exit_code


def run_now(spark: SparkSession, config: Config, batch: str, options: RunOptions) -> Result:
    """Runs one batch under a new run id. Raises what `run_batch` raises."""
    started = datetime.now(UTC)
    return run_batch(spark, config, batch, run_id_of(batch, started), started, options)


def redrive(options: Namespace) -> int:
    """Runs quarantined records again, one batch after the other; prints a JSON line for each, or one if there is nothing to do, and returns the exit code."""
    selection = Selection(options.reason, options.since)
    job = JobStatus()
    batches: list[str] = []
    with job.run(options.since or ""):
        job.config = config = load_config(options.config, options.set)
        require_places(config)
        batches, nothing = batches_to_redrive(config, selection)
        if batches:
            spark = open_spark(config)
        else:
            job.nothing_to_do(nothing)
    for batch in batches:
        with job.run(batch) as finished:
            started = datetime.now(UTC)
            finished(redrive_batch(spark, config, selection, batch, run_id_of(batch, started), started))
    return job.exit_code


def open_spark(config: Config) -> SparkSession:
    """The session for this configuration, on this machine unless it or the environment says otherwise. Raises ConfigError where its places, Java or
    Delta's jars are missing."""
    require_places(config)
    settings = session_settings(config)
    if is_own_session(settings):
        require_java()
        if found := jars.install():
            settings["spark.jars"] = ",".join([*map(str, found), *filter(None, [settings.get("spark.jars")])])
    return open_session(settings)
