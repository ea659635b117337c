"""Fixtures: the packed environment, the input of the demo, and the tables that local Spark makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.demo import write_demo
from pipelines.spark.session.packing import pack
from tests.cluster.jobs import RUN, arguments, finished, submitted, tables


@pytest.fixture(scope="session")
def environment(tmp_path_factory) -> Path:
    archive = tmp_path_factory.mktemp("packed") / "env.tar.gz"
    pack(archive)
    return archive


@pytest.fixture(scope="session")
def demo_input(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "demo-input"
    write_demo(folder)
    return folder


@pytest.fixture(scope="session")
def local_tables(demo_input: Path, tmp_path_factory) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("local")
    finished(submitted(folder, RUN, *arguments(demo_input, folder / "out")))
    return tables(folder / "out")
