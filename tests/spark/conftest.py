"""One Spark session for all tests, and runs of the main job in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from pipelines.config import Config
from pipelines.demo import BATCH, Written
from pipelines.spark.plans.bridge import Job
from pipelines.spark.run.batch import RunOptions, run_batch
from pipelines.spark.run.completion import Result
from pipelines.spark.session.session import open_session
from pipelines.tables.publication.root import OutputRoot
from tests.conftest import demo_config

RunJob = Callable[..., Result]
_numbers = count()


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    session = open_session({"spark.master": "local[2]", "spark.driver.memory": "2g"})
    yield session
    session.stop()


@pytest.fixture
def job(spark: SparkSession, tmp_path: Path) -> Job:
    """A run's place to work, without a run."""
    return Job(spark, OutputRoot(str(tmp_path / "root")), "run")


@pytest.fixture(scope="session")
def run_job(spark: SparkSession) -> RunJob:
    """Runs a batch as jobs/run.py does, with a new run id each time."""

    def run(config: Config, batch: str = "2026-11-22", **options: Any) -> Result:
        return run_batch(spark, config, batch, f"{batch}.{next(_numbers)}", datetime.now(UTC), RunOptions(**options))

    return run


@pytest.fixture(scope="session")
def demo_run(demo: tuple[Path, Written], run_job: RunJob, tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Path, Result]:
    """The demo, published on disk, for tests that read it."""
    folder, _ = demo
    root = tmp_path_factory.mktemp("delta") / "out"
    config = demo_config(folder, root)
    return config, root, run_job(config, BATCH)
