"""The Spark session of a run, with the same settings under spark-submit, in a notebook and in tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import SparkSession, is_remote

from pipelines.spark.session.packing import ship_package

SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    # A missing or damaged staging file must fail the run, never thin it out.
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    # 256 rows of 8k tokens are 16 MB; the default of 10,000 would be 600 MB.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "256",
    # v2 of this committer can publish a failed attempt's output.
    "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "1",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    # batch=2026-11-22 is a name, not a date.
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    # Python workers start in the job's folder; a folder `pipelines` of the user's there must not hide ours.
    "spark.executorEnv.PYTHONSAFEPATH": "1",
}
# For one machine, because the defaults are made for a cluster. All can be set on a running session.
LOCAL = {"spark.sql.shuffle.partitions": "4"}
LOGGING = Path(__file__).with_name("log4j2.properties")  # only errors
SUBMITTED = "PYSPARK_GATEWAY_PORT"  # set by spark-submit, unless it is a client of Spark Connect
# One of these says where the session is: spark-submit or Spark Connect.
ASKED_FOR = {SUBMITTED, "SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED"}


def open_session(extra: Mapping[str, str] | None = None) -> SparkSession:
    """The running session (notebook, Connect) or a new one; `extra` is the configuration's `spark`, which wins.

    `spark.remote` in `extra`, or SPARK_REMOTE, selects Spark Connect: "sc://host:15002", or "local[2]" for a server of its own. Any other
    server must have Delta's extension and catalog already; its other settings are set here, and our code is sent to it.
    """
    # Without this a worker runs the python3 on PATH and fails with ModuleNotFoundError, far from the cause.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    extra = dict(extra or {})
    settings: dict[str, bool | float | int | str | None] = {**SETTINGS, **extra}
    if is_own_session(extra):
        settings.setdefault("spark.master", "local[*]")
        if str(settings["spark.master"]).startswith("local"):
            del settings["spark.log.level"]  # LOGGING has it; set here too, Spark prints that it was set
            settings |= _one_machine() | extra
    spark = SparkSession.builder.appName("agent-episodes").config(map=settings).getOrCreate()
    if is_remote():
        ship_package(spark)
        return spark
    if (spark.conf.get("spark.master", "") or "").startswith("local"):
        for key, value in (LOCAL | {key: extra[key] for key in LOCAL if key in extra}).items():
            spark.conf.set(key, value)
    return spark


def is_own_session(settings: Mapping[str, str]) -> bool:
    """Whether plain Python starts Spark here: spark-submit would have set a master, and Spark Connect needs none."""
    return not (ASKED_FOR & set(os.environ) or "spark.remote" in settings)


def _one_machine() -> dict[str, str]:
    """What conf/local.conf sets for spark-submit. Only errors go to stderr, not the warning about a class archive for other jars."""
    java = f"-Dlog4j2.configurationFile={LOGGING} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:SharedArchiveFile={Path(sys.prefix) / 'spark.jsa'} -Xlog:disable -Xlog:all=error:stderr"
    return {"spark.driver.defaultJavaOptions": java, "spark.python.daemon.module": "pipelines.spark.session.daemon", "spark.ui.enabled": "false"}
