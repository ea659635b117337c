"""The published tables as SQL views of a Spark session."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.spark.publishing.tables import SNAPSHOT_TABLES, Tables
from pipelines.tables.reading import NotPublished, last_run


def register_views(spark: SparkSession, root: str | Path) -> list[str]:
    """Temporary views conversations, samples, quarantine and images, all of one snapshot; their names. Raises NotPublished.

    A view does not change; call this again to see a newer snapshot.
    """
    last = last_run(root)
    if last is None:
        raise NotPublished(f"nothing was published under {root}")
    tables = Tables(spark, Path(root), "delta" if last["versions"] is not None else "parquet")
    made = []
    for name in SNAPSHOT_TABLES:
        frame = tables.read(name, last)
        if frame is not None:
            frame.createOrReplaceTempView(name)
            made.append(name)
    return made
