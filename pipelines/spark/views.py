"""The published tables as SQL views of a Spark session."""

from __future__ import annotations

import os

from pyspark.sql import SparkSession

from pipelines.storage.locations import absolute
from pipelines.storage.stores import ENVIRONMENT, Stores
from pipelines.tables.publication.root import SNAPSHOT_TABLES, OutputRoot


def register_views(spark: SparkSession, root: str | os.PathLike[str], stores: Stores = ENVIRONMENT) -> list[str]:
    """Temporary views conversations, samples, quarantine and images, all of one snapshot; their names. Raises NotPublished.

    A view does not change; call this again to see a newer snapshot. Spark reads the tables itself, so for a root in a store the session needs the
    connector of that store.
    """
    published = OutputRoot(absolute(os.fspath(root)), stores).published()
    for name in SNAPSHOT_TABLES:
        state = published.state(name)
        frame = spark.read.format("delta").option("versionAsOf", state.version).load(f"{published.root}/{name}")
        if not state.is_version:
            files = [published.path_of(file) for file in state.files.values()]
            rows = spark.read.option("__globPaths__", "false").schema(frame.schema).option("basePath", f"{published.root}/{name}").parquet(*files)
            frame = rows if files else frame.limit(0)
        frame.createOrReplaceTempView(name)
    return list(SNAPSHOT_TABLES)
