"""Runs the demo as a separate job, and reads the tables that it publishes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from subprocess import Popen
from typing import Any

import pyarrow.dataset as ds
from deltalake import DeltaTable

from pipelines.demo import BATCH
from pipelines.spark.session.session import _one_machine
from tests.cluster.nodes import NODE, SPARK_HOME
from tests.cluster.standalone import Cluster

CHECKOUT = Path(__file__).parents[2]
RUN, WHERE = CHECKOUT / "jobs" / "run.py", Path(__file__).parent / "whereabouts.py"
TABLES = ("conversations", "samples", "quarantine", "images")
DONE_WITHIN = 1800  # seconds


def arguments(demo: Path, root: Path) -> list[str]:
    settings = {
        "sources[0].path": f"{demo}/gui/{{batch}}",
        "sources[0].image_root": f"{demo}/screens",
        "sources[1].path": f"{demo}/tools/{{batch}}",
        "dialects[4].tokenizer": f"{demo}/chatml_standin",
        "output.root": str(root),
    }
    chosen = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    return ["--config", str(CHECKOUT / "conf" / "demo.yaml"), "--batch", BATCH, *chosen]


def finished(job: Popen[str], status: int = 0) -> tuple[dict[str, Any], str]:
    """(the JSON line on stdout, the text on stderr) of a job. Fails if its exit code is not `status`."""
    try:
        out, errors = job.communicate(timeout=DONE_WITHIN)
    finally:
        job.kill()
    assert job.returncode == status, errors[-4000:]
    return json.loads(out), errors


def tables(root: Path) -> dict[str, list[str]]:
    """Every row of every table as sorted text, without the id of the run."""
    found = {}
    for table in TABLES:
        files = DeltaTable(root / table).file_uris()
        rows = ds.dataset(files, format="parquet", partitioning="hive", partition_base_dir=str(root / table)).to_table().to_pylist()
        found[table] = sorted(json.dumps(row | {"run_id": None}, sort_keys=True, default=repr) for row in rows)
    return found


def submitted(
    folder: Path, script: Path, *arguments: str, cluster: Cluster | None = None, environment: Path | None = None, py_files: Path | None = None
) -> subprocess.Popen[str]:
    """spark-submit as docs/cluster.md has it, to the cluster or else to local Spark.

    The driver alone sees the checkout; the executors get the archive `environment`, the file `py_files` and nothing else.
    """
    settings = {
        "spark.pyspark.driver.python": sys.executable,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.executor.memory": "1g",
        "spark.sql.shuffle.partitions": "4",
        "spark.ui.enabled": "false",
    }
    if not cluster:  # Java starts faster with these, and workers start as on a cluster
        settings["spark.driver.defaultJavaOptions"] = _one_machine()["spark.driver.defaultJavaOptions"]
    command = [str(SPARK_HOME / "bin" / "spark-submit"), "--master", cluster.master if cluster else "local[2]"]
    if environment:
        settings["spark.pyspark.python"] = "./env/bin/python"
        command += ["--archives", f"{environment}#env"]
    command += ["--py-files", str(py_files)] if py_files else []
    command += [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
    driver = NODE | {"PYTHONPATH": str(CHECKOUT)} | ({} if environment else {"PYSPARK_PYTHON": sys.executable})
    return subprocess.Popen([*command, str(script), *arguments], env=driver, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
