"""A function of the user as the format of a source, shipped with --py-files."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.jobs import RUN, finished, submitted
from tests.cluster.plugins import PLUGIN_ROWS, plugin, plugin_rows

pytestmark = pytest.mark.spark


def test_a_plug_in_that_is_shipped_with_py_files_reads_the_records(tmp_path: Path):
    module, options = plugin(tmp_path)
    line, _ = finished(submitted(tmp_path, RUN, *options, py_files=module))
    assert line["status"] == "published"
    assert plugin_rows(tmp_path) == PLUGIN_ROWS


def test_a_plug_in_that_is_not_shipped_is_a_fault_of_the_configuration(tmp_path: Path):
    _, options = plugin(tmp_path)
    job = subprocess.run([sys.executable, *map(str, (RUN, *options))], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert job.returncode == 2, job.stderr[-2000:]
    assert "logs_of_ours:read cannot be imported: ModuleNotFoundError" in job.stdout + job.stderr
