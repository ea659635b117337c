"""Under spark-submit, words go to stderr and data to stdout, wherever the two lead."""

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
print("words", file=sys.stderr)
print("data")
"""


@pytest.mark.parametrize("words_to, apart", [("pipe", True), ("appended", True), ("written", False)])
def test_messages_are_separated_from_data_where_that_is_safe(words_to: str, apart: bool, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    log = tmp_path / "log"
    with log.open("ab" if words_to == "appended" else "wb") as file:
        done = subprocess.run(
            [SUBMIT, "--master", "local[1]", tmp_path / "program.py"],
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if words_to == "pipe" else file,
            text=True,
        )
    said = done.stderr if words_to == "pipe" else log.read_text()
    assert done.returncode == 0
    assert ("words\n" in said, done.stdout) == ((True, "data\n") if apart else (False, "words\ndata\n"))
