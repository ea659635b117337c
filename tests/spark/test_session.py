"""How a session starts: the same settings with and without spark-submit, and no library before it is needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from pipelines.spark.session.daemon import without_archives
from pipelines.spark.session.session import _one_machine

CONF = Path(__file__).parents[2] / "conf" / "local.conf"


def test_both_ways_to_start_use_the_same_settings():
    settings = dict(line.split(maxsplit=1) for line in CONF.read_text().splitlines() if line and not line.startswith("#"))
    assert settings == {name: value.replace(sys.prefix, ".venv").replace(f"{CONF.parents[1]}/", "") for name, value in _one_machine().items()}


def test_a_session_of_its_own_says_nothing_of_itself(tmp_path: Path):
    """But for one line of the Java machine, which no setting turns off."""
    program = "from pipelines.spark.session.session import open_session; open_session({'spark.master': 'local[1]'}).stop()"
    environment = {name: value for name, value in os.environ.items() if name != "PYSPARK_GATEWAY_PORT"}
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment, cwd=CONF.parents[1])
    assert [line for line in (said.stdout + said.stderr).splitlines() if line != "WARNING: Using incubator modules: jdk.incubator.vector"] == []


def test_a_worker_starts_without_libraries_that_it_does_not_need():
    program = "import sys; from pipelines.spark.session.daemon import load; load(); print([name for name in ('deltalake', 'transformers', 'jinja2') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_only_the_archives_of_an_installed_pyspark_are_left_out_of_the_path(tmp_path: Path):
    """A Spark that is installed elsewhere may be another version, and what a user ships is no part of pyspark."""
    site, elsewhere = tmp_path / "site", tmp_path / "spark" / "python" / "lib" / "pyspark.zip"
    own = [site / "pyspark" / "python" / "lib" / "pyspark.zip", site / "pyspark" / "jars" / "spark-core_2.13-4.1.4.jar"]
    others = [elsewhere, site / "pyspark", site / "plugin.zip", tmp_path / "plugin.zip", site]
    assert without_archives([*map(str, own), *map(str, others)]) == list(map(str, others))
    assert without_archives([*map(str, own), "/usr/lib/python3.11"]) == [*map(str, own), "/usr/lib/python3.11"]
    (tmp_path / "link").symlink_to(site)
    assert without_archives([str(own[0]), str(tmp_path / "link")]) == [str(tmp_path / "link")]


@pytest.mark.spark
def test_workers_have_no_archive_on_their_path(spark: SparkSession):
    """With a Python that forgets what it knows about its path before each task, as Spark's workers do, each archive would cost time in every task."""

    def archives(batches):
        import sys

        import pyarrow as pa

        yield pa.RecordBatch.from_pydict(
            {"path": [path for path in sys.path_importer_cache if ".zip" in path or ".jar" in path]}, pa.schema([("path", pa.string())])
        )

    assert spark.range(1).mapInArrow(archives, "path string").collect() == []
