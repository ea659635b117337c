"""What a session of plain Python is given for one machine is what conf/local.conf gives to spark-submit."""

import os
import subprocess
import sys
from pathlib import Path

import pyspark

from pipelines.spark.session import _one_machine

CONF = Path(__file__).parents[1] / "conf" / "local.conf"


def test_both_ways_to_start_have_the_same_settings():
    said = dict(line.split(maxsplit=1) for line in CONF.read_text().splitlines() if line and not line.startswith("#"))
    assert said == {name: value.replace(sys.prefix, ".venv") for name, value in _one_machine().items()}


def test_spark_is_imported_from_where_it_is_unpacked_and_compiled():
    """As spark-submit starts a driver, and Spark its workers."""
    home = Path(pyspark.__file__).parent
    archives = [*home.glob("python/lib/*.zip"), *home.glob("jars/spark-core_*.jar")]
    asked = "import pipelines.spark.daemon, pyspark, sys; print([pyspark.__file__, *(name for name in sys.path_importer_cache if '/pyspark/' in name)])"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, archives))}
    told = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True).stdout
    assert len(archives) == 3
    assert str(home / "__init__.py") in told
    assert not any(str(archive) in told for archive in archives)


def test_a_worker_is_started_without_libraries_that_it_has_no_use_for():
    asked = "import pipelines.spark.daemon, sys; print([name for name in ('pandas', 'deltalake', 'transformers', 'jinja2') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_first_list_that_becomes_an_array_does_not_import_pandas_and_a_frame_does():
    asked = """
import pipelines.spark.daemon, pyarrow as pa, sys
from pipelines.spark.lean import spare_pandas
spare_pandas()
pa.array(["text"])
from pyspark.testing.utils import have_numpy
print(have_numpy, "pandas" in sys.modules, pa.table({"a": [1]}).to_pandas().a.tolist(), "pandas" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout == "True False [1] True\n"
