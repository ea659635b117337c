"""How a session starts: the same settings with and without spark-submit, and no library before it is needed."""

import os
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest

from pipelines.spark.session.session import _is_classic, _one_machine

CONF = Path(__file__).parents[2] / "conf" / "local.conf"


def test_both_ways_to_start_use_the_same_settings():
    settings = dict(line.split(maxsplit=1) for line in CONF.read_text().splitlines() if line and not line.startswith("#"))
    assert settings == {name: value.replace(sys.prefix, ".venv") for name, value in _one_machine().items()}


def test_spark_is_imported_from_its_unpacked_and_compiled_copy():
    """With the import path that spark-submit gives to the driver, and Spark to its workers."""
    home = Path(pyspark.__file__).parent
    archives = [*home.glob("python/lib/*.zip"), *home.glob("jars/spark-core_*.jar")]
    program = (
        "import pipelines.spark.session.daemon, pyspark, sys; print([pyspark.__file__, *(name for name in sys.path_importer_cache if '/pyspark/' in name)])"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, archives))}
    output = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True).stdout
    assert len(archives) == 3
    assert str(home / "__init__.py") in output
    assert not any(str(archive) in output for archive in archives)


def test_a_worker_starts_without_libraries_that_it_does_not_need():
    program = "import pipelines.spark.session.daemon, sys; print([name for name in ('pandas', 'deltalake', 'transformers', 'jinja2') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_job_is_imported_while_the_jvm_starts():
    program = (
        "import runpy, sys; runpy.run_path('jobs/run.py'); print('pipelines.spark.session.session' in sys.modules, 'pipelines.spark.run.batch' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", program], cwd=CONF.parents[1], capture_output=True, text=True, check=True).stdout
    assert output == "True False\n"


def test_pandas_is_imported_for_a_data_frame_but_not_for_a_list():
    program = """
import pipelines.spark.session.daemon, pyarrow as pa, sys
from pipelines.spark.session.startup import avoid_pandas_in_driver
avoid_pandas_in_driver()
pa.array(["text"])
from pyspark.sql.types import NumpyArrayConverter
print(NumpyArrayConverter().can_convert(pa.array([1]).to_numpy()), "pandas" in sys.modules, pa.table({"a": [1]}).to_pandas().a.tolist(), "pandas" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "True False [1] True\n"


@pytest.mark.parametrize(
    ("environment", "extra", "is_classic"),
    [
        ({"PYSPARK_GATEWAY_PORT": "1", "SPARK_API_MODE": "classic"}, {}, True),
        ({}, {}, False),
        ({"PYSPARK_GATEWAY_PORT": "1", "SPARK_REMOTE": "sc://host"}, {}, False),
        ({"PYSPARK_GATEWAY_PORT": "1", "SPARK_API_MODE": "Connect"}, {}, False),
        ({"PYSPARK_GATEWAY_PORT": "1"}, {"spark.remote": "local[2]"}, False),
        ({"PYSPARK_GATEWAY_PORT": "1"}, {"spark.api.mode": "connect"}, False),
    ],
)
def test_only_a_driver_with_its_own_jvm_avoids_pandas(environment, extra, is_classic, monkeypatch: pytest.MonkeyPatch):
    """Spark Connect needs pandas."""
    for name in ("PYSPARK_GATEWAY_PORT", "SPARK_API_MODE", "SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert _is_classic(extra) == is_classic
