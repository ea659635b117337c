"""A Spark Connect server in a process of its own, without our package."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.nodes import NODE, SPARK_HOME, start

# The settings that a server needs at its start; a session sets the others itself.
AT_START = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.connect.grpc.binding.port": "0",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.enabled": "false",
}


@contextmanager
def connect_server(folder: Path) -> Iterator[str]:
    """The address of the server. All its processes are ended with the block."""
    settings = [part for key, value in AT_START.items() for part in ("--conf", f"{key}={value}")]
    command = [str(SPARK_HOME / "bin" / "spark-submit"), "--master", "local[2]", "--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    server = start(folder, "connect", [*command, *settings], NODE | {"PYSPARK_PYTHON": sys.executable, "SPARK_DAEMON_MEMORY": "2g"})
    try:
        yield f"sc://127.0.0.1:{server.wait_for_log(r'Spark Connect server started at: .*:([0-9]+)')}"
    finally:
        server.kill()
