"""Delta's two jars: fetched once into a cache with Spark's own Ivy, checked, and copied to where spark-submit finds them.

    python -m pipelines.spark.session.jars

The cache is `agent-episodes/jars` in XDG_CACHE_HOME, or else in ~/.cache. DEFAULT_ARTIFACT_REPOSITORY, which Spark reads, names a mirror of Maven Central.

`configure_spark_with_delta_pip` would fetch 33 artifacts, with second copies of Hadoop and Parquet; these two are enough.
Under spark-submit the JVM runs before Python can name a jar, so they go into the environment's pyspark/jars.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pyspark

from pipelines.config import ConfigError

JARS = {
    "delta-spark_4.1_2.13-4.4.0.jar": ("io.delta:delta-spark_4.1_2.13:4.4.0", "75a9400986853c061f5109f012547de2545a5759e5e752e5ef633dabe16a4f10"),
    "delta-storage-4.4.0.jar": ("io.delta:delta-storage:4.4.0", "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc"),
}
# Spark has their other dependencies already, or only Unity Catalog needs them.
EXCLUDES = "org.*:*,com.*:*,javax.*:*,jakarta.*:*,net.*:*,commons-*:*,io.airlift:*,io.unitycatalog:*,io.netty:*,io.delta:delta-kernel*"
# A process of its own fetches them: a second session in one process would look for the jars of the first.
FETCH = """
import json, sys
from pyspark.sql import SparkSession
SparkSession.builder.master("local[1]").config(map=json.loads(sys.argv[1])).getOrCreate().stop()
"""
MIRROR = "DEFAULT_ARTIFACT_REPOSITORY"


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agent-episodes" / "jars"


def install(home: Path | None = None) -> list[Path]:
    """Copies both jars into pyspark/jars, from the cache or from Maven Central. Returns the paths of those that Spark must be given as a setting, because
    that folder cannot be written.

    Raises ConfigError where they cannot be fetched.
    """
    home = home or Path(pyspark.__file__).parent / "jars"
    missing = [name for name in JARS if not _is_whole(home / name)]
    cache = cache_folder()
    if not all(_is_whole(cache / name) for name in missing):
        _fetch(cache)
    try:
        for name in missing:
            _copy(cache / name, home / name)
    except OSError:  # an environment that somebody else has installed
        return [cache / name for name in missing]
    return []


def _is_whole(path: Path) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == JARS[path.name][1]


def _fetch(cache: Path) -> None:
    print("episodes: fetching Delta's two jars (once)", file=sys.stderr)
    with tempfile.TemporaryDirectory() as ivy:
        settings = {
            "spark.jars.packages": ",".join(coordinate for coordinate, _ in JARS.values()),
            "spark.jars.excludes": EXCLUDES,
            "spark.jars.ivy": ivy,
            "spark.ui.enabled": "false",
        }
        _start_spark(settings)
        for name in JARS:
            found = list(Path(ivy).rglob(name))
            if not found or not _is_whole(found[0]):
                raise ConfigError([_cannot_fetch(name, cache, "what is there is another file" if found else "no connection, or no such file there")])
            cache.mkdir(parents=True, exist_ok=True)
            _copy(found[0], cache / name)


def _start_spark(settings: Mapping[str, str]) -> None:
    """Starts Spark and ends it, for what Ivy fetches before a session begins. What Ivy says is a page long, so nobody sees it."""
    # What spark-submit has set for this process would send the other one to the same Java machine.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYSPARK_GATEWAY")}
    subprocess.run([sys.executable, "-c", FETCH, json.dumps(settings)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def _cannot_fetch(name: str, cache: Path, why: str) -> str:
    place = os.environ.get(MIRROR) or "Maven Central"
    return f"{name} could not be fetched from {place} ({why}): name a mirror of Maven Central in {MIRROR}, or put {' and '.join(JARS)} into {cache}"


def _copy(source: Path, target: Path) -> None:
    """In one step, so that a killed process leaves no partial jar."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(source, temporary)
    temporary.replace(target)


if __name__ == "__main__":
    try:
        install()
    except ConfigError as error:
        sys.exit(f"setup: {error}")
