"""What is sent to workers: our code as a zip, or the whole environment as an archive, with our code and its libraries but without Spark.

    python -m pipelines.spark.session.packing env.tar.gz

The archive is for `spark-submit --archives`. It unpacks to a virtual environment that uses the node's own Python: every node has the same interpreter at the same path as this machine.
venv-pack would make an archive five times as large, with the tests' libraries and without the code of an editable install.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tarfile
import tempfile
import zipfile
from importlib import metadata
from io import BytesIO
from pathlib import Path

from isal import igzip_threaded
from packaging.requirements import Requirement
from pyspark.sql import SparkSession

import pipelines

PROJECT = "agent-episodes"
EXTRA = "pipeline"  # pyproject.toml: what the job needs
FROM_SPARK = {"pyspark", "py4j", "delta-spark"}  # a node's Spark has its own
SITE = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
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


def pack(target: Path) -> int:
    """Writes the archive in one step and returns its size in bytes. The same environment gives the same archive."""
    part = target.with_name(f".{target.name}.part")
    with igzip_threaded.open(part, "wb", compresslevel=1, threads=2) as out, tarfile.open(fileobj=out, mode="w|") as archive:
        _add_interpreter(archive)
        for name, path in sorted({**_libraries(), **package_files()}.items()):
            archive.add(path, f"{SITE}/{name}", recursive=False, filter=_without_owner)
    part.replace(target)
    return target.stat().st_size


def needed(project: str, given: set[str]) -> dict[str, metadata.Distribution]:
    """Name -> installed distribution of all requirements of a project and its extra `pipeline`, without `given` and what only these need."""
    found: dict[str, metadata.Distribution] = {}
    wanted = [project]
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name not in found and name not in given:
            found[name] = metadata.distribution(name)
            requirements = map(Requirement, found[name].requires or ())
            extra = EXTRA if name == project else ""
            wanted += [each.name for each in requirements if each.marker is None or each.marker.evaluate({"extra": extra})]
    return found


def _libraries() -> dict[str, Path]:
    distributions = needed(PROJECT, FROM_SPARK)
    del distributions[PROJECT]  # an editable install has no files, only a pointer to the checkout
    return {str(file): Path(file.locate()) for each in distributions.values() for file in each.files or () if _belongs(str(file), Path(file.locate()))}


def _belongs(name: str, path: Path) -> bool:
    """Whether a file goes into the archive: no scripts, which are outside, and no tests, which are a tenth of all bytes."""
    return not name.startswith("..") and "/tests/" not in name and path.is_file()


def _add_interpreter(archive: tarfile.TarFile) -> None:
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    settings = f"home = {base.parent}\ninclude-system-site-packages = false\n".encode()
    config = tarfile.TarInfo("pyvenv.cfg")
    config.size = len(settings)
    archive.addfile(config, BytesIO(settings))
    for name in ("python", "python3"):
        link = tarfile.TarInfo(f"bin/{name}")
        link.type, link.linkname = tarfile.SYMTYPE, str(base)
        archive.addfile(link)


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Removes the owner. Times stay, because a compiled file is valid only for the time of its source."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    size = pack(Path(sys.argv[1]))
    print(f"pack: {size / 1e6:.0f} MB in {sys.argv[1]}", file=sys.stderr)
