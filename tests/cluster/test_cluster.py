"""On a standalone cluster of real processes, the job makes the same tables as on local Spark, even if a node is lost in the middle."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from pipelines.ledger.manifest import code_fingerprint
from tests.cluster.jobs import RUN, TABLES, WHERE, arguments, finished, submitted, tables
from tests.cluster.nodes import Node
from tests.cluster.plugins import PLUGIN_ROWS, plugin, plugin_rows
from tests.cluster.standalone import Cluster, standalone_cluster

pytestmark = [pytest.mark.spark, pytest.mark.long]
SEED = 20261122


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    with standalone_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        cluster.start_worker()
        cluster.start_worker()
        yield cluster


def wait_for_tasks(root: Path, step: str, job: Popen[str]) -> None:
    """Returns as soon as a task writes what this step makes."""
    while not list(root.glob({"drafts": "_work/*/drafts/*.parquet", "outcomes": "conversations/**/*.parquet"}[step])):
        assert job.poll() is None, f"the job ended before {step} wrote anything: {job.communicate()[1][-4000:]}"
        time.sleep(0.02)


def busy_worker(cluster: Cluster) -> Node:
    return next(node for node in cluster.nodes if node.executors())


def test_the_workers_run_the_code_of_the_archive(cluster, environment):
    rows, _ = finished(submitted(cluster.folder, WHERE, cluster=cluster, environment=environment))
    assert {row["fingerprint"] for row in rows} == {code_fingerprint()}
    for row in rows:
        assert row["prefix"] == f"{row['folder']}/env"
        assert row["code"].startswith(f"{row['prefix']}/lib/")
        assert Path(row["folder"]).is_relative_to(cluster.folder)


def test_a_cluster_makes_the_same_tables_as_local_spark(cluster, environment, demo_input, local_tables, tmp_path):
    line, _ = finished(submitted(cluster.folder, RUN, *arguments(demo_input, tmp_path / "out"), cluster=cluster, environment=environment))
    assert line["status"] == "published"
    assert tables(tmp_path / "out") == local_tables
    assert [len(rows) > 0 for rows in local_tables.values()] == [True] * len(TABLES)


def test_a_plug_in_reaches_the_workers(cluster, environment, tmp_path):
    module, options = plugin(tmp_path)
    line, _ = finished(submitted(cluster.folder, RUN, *options, cluster=cluster, environment=environment, py_files=module))
    assert line["status"] == "published"
    assert plugin_rows(tmp_path) == PLUGIN_ROWS


@pytest.mark.parametrize("step", ["drafts", "outcomes"])
def test_losing_a_node_during_a_job_costs_only_time(step: str, cluster, environment, demo_input, local_tables, tmp_path):
    wait = random.Random(f"{SEED}:{step}").uniform(0, 0.5)
    with submitted(cluster.folder, RUN, *arguments(demo_input, tmp_path / "out"), cluster=cluster, environment=environment) as job:
        wait_for_tasks(tmp_path / "out", step, job)
        time.sleep(wait)
        lost = busy_worker(cluster)
        executors = [process.pid for process in lost.executors()]
        lost.kill()
        print(f"seed {SEED}: {wait:.3f} s after the first task of {step}, SIGKILL to worker {lost.process.pid} and its executors {executors}")
        line, errors = finished(job)
    cluster.start_worker()  # for the next test
    assert "Lost executor" in errors
    assert line["status"] == "published"
    assert tables(tmp_path / "out") == local_tables
