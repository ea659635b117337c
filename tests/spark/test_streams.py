"""Under spark-submit, messages go to stderr and data to stdout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest

pytestmark = pytest.mark.spark
ROOT = Path(__file__).parents[2]
SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"
PROGRAM = """
import sys
from pipelines.spark.session.streams import separate_stderr
separate_stderr()
print("message", file=sys.stderr)
print("data")
"""


@pytest.mark.parametrize("stderr, apart", [("pipe", True), ("appended", True), ("written", False)])
def test_messages_are_separated_from_data_where_that_is_safe(stderr: str, apart: bool, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    log = tmp_path / "log"
    with log.open("ab" if stderr == "appended" else "wb") as file:
        done = subprocess.run(
            [SUBMIT, "--master", "local[1]", tmp_path / "program.py"],
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if stderr == "pipe" else file,
            text=True,
        )
    errors = done.stderr if stderr == "pipe" else log.read_text()
    assert done.returncode == 0
    assert ("message\n" in errors, done.stdout) == ((True, "data\n") if apart else (False, "message\ndata\n"))
