"""Delta's two jars: fetched once into a cache with Spark's own Ivy, checked, and copied to where spark-submit finds them.

    python -m pipelines.spark.session.jars

`configure_spark_with_delta_pip` would fetch 33 artifacts, with second copies of Hadoop and Parquet; these two are enough.
Under spark-submit the JVM runs before Python can name a jar, so they go into the environment's pyspark/jars.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pyspark

JARS = {
    "delta-spark_4.1_2.13-4.4.0.jar": ("io.delta:delta-spark_4.1_2.13:4.4.0", "75a9400986853c061f5109f012547de2545a5759e5e752e5ef633dabe16a4f10"),
    "delta-storage-4.4.0.jar": ("io.delta:delta-storage:4.4.0", "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc"),
}
# Spark has their other dependencies already, or only Unity Catalog needs them.
EXCLUDES = "org.*:*,com.*:*,javax.*:*,jakarta.*:*,net.*:*,commons-*:*,io.airlift:*,io.unitycatalog:*,io.netty:*,io.delta:delta-kernel*"


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agent-episodes" / "jars"


def install() -> None:
    """Installs both jars in pyspark/jars, from the cache or fetched. Exits with a message where that fails."""
    cache, home = cache_folder(), Path(pyspark.__file__).parent / "jars"
    if not all(_is_whole(cache / name) for name in JARS):
        _fetch(cache)
    for name in JARS:
        if not _is_whole(home / name):
            _copy(cache / name, home / name)


def _is_whole(path: Path) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == JARS[path.name][1]


def _fetch(cache: Path) -> None:
    from pyspark.sql import SparkSession

    print("setup: fetching Delta's two jars (once)", file=sys.stderr)
    with tempfile.TemporaryDirectory() as ivy:
        settings: dict[str, bool | float | int | str | None] = {
            "spark.jars.packages": ",".join(coordinate for coordinate, _ in JARS.values()),
            "spark.jars.excludes": EXCLUDES,
            "spark.jars.ivy": ivy,
            "spark.ui.enabled": "false",
        }
        SparkSession.builder.master("local[1]").config(map=settings).getOrCreate().stop()
        cache.mkdir(parents=True, exist_ok=True)
        for name in JARS:
            found = next(Path(ivy).rglob(f"cache/**/{name}"), None)
            if found is None or not _is_whole(found):
                sys.exit(f"setup: {name} could not be fetched; put it into {cache} and try again")
            _copy(found, cache / name)


def _copy(source: Path, target: Path) -> None:
    """In one step, so that a killed process leaves no partial jar."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(source, temporary)
    temporary.replace(target)


if __name__ == "__main__":
    install()
