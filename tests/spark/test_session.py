"""How a session starts: the same settings with and without spark-submit, and no library before it is needed."""

import os
import subprocess
import sys
from pathlib import Path

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
    program = "import pipelines.spark.session.daemon, sys; print([name for name in ('deltalake', 'transformers', 'jinja2') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
