"""Sends our package to the workers of a Spark Connect server, which have Python and the libraries but not this code."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from pathlib import Path

from pyspark.sql import SparkSession

import pipelines

OLDEST = (1980, 1, 1, 0, 0, 0)  # the earliest time of a ZIP, so that the same code gives the same bytes


def ship_package(spark: SparkSession) -> None:
    """Adds the package to the session. The name has the hash of the code, because a server refuses a changed file under a known name.

    Even a server on this machine needs it, because workers unpickle references to our modules.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = zip_package(Path(folder))
        spark.addArtifacts(str(path), pyfile=True)


def zip_package(folder: Path) -> Path:
    """The package as `agent_episodes-<hash>.zip` in this folder, for addArtifacts or --py-files."""
    temporary = folder / "package.zip"
    with zipfile.ZipFile(temporary, "w") as archive:
        for name, path in sorted(package_files().items()):
            archive.writestr(zipfile.ZipInfo(name, OLDEST), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return temporary.rename(folder / f"agent_episodes-{hashlib.sha256(temporary.read_bytes()).hexdigest()[:12]}.zip")


def package_files() -> dict[str, Path]:
    """Name in an archive -> file, for all files of the package."""
    home = Path(pipelines.__file__).parent
    files = (path for path in home.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {f"pipelines/{path.relative_to(home).as_posix()}": path for path in files}
