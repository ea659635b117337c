"""Through Spark Connect, the job makes the same tables as on local Spark, although the server does not have our package."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.connect import connect_server
from tests.cluster.jobs import CHECKOUT, RUN, WHERE, arguments, finished, tables
from tests.cluster.nodes import NODE

pytestmark = [pytest.mark.spark, pytest.mark.long]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[str]:
    with connect_server(tmp_path_factory.mktemp("connect")) as address:
        yield address


def client(server: str, folder: Path, script: Path, *arguments: str) -> subprocess.Popen[str]:
    """Plain Python, no spark-submit: the same entry point with SPARK_REMOTE set."""
    env = NODE | {"SPARK_REMOTE": server, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.Popen([sys.executable, str(script), *arguments], env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_workers_run_the_code_that_came_with_the_session(server, tmp_path):
    rows, _ = finished(client(server, tmp_path, WHERE))
    assert rows
    for row in rows:
        assert re.search(r"/agent_episodes-[0-9a-f]{12}\.zip/pipelines/__init__\.py$", row["code"]), row


def test_spark_connect_makes_the_same_tables_as_local_spark_and_shows_progress(server, demo_input, local_tables, tmp_path):
    line, errors = finished(client(server, tmp_path, RUN, *arguments(demo_input, tmp_path / "out")))
    assert line["status"] == "published"
    assert tables(tmp_path / "out") == local_tables
    assert re.search(r"^tokenize: [0-9.]+ s, [0-9]+ tasks?, ", errors, re.MULTILINE), errors
