"""The only folder that imports pyspark: runs the flow over partitions."""

from __future__ import annotations

import sys
from pathlib import Path


def _leave_archives() -> None:
    """Removes the archives of an installed Spark from the import path, because pyspark is also there unpacked and compiled.

    Spark puts two zips and its core jar first. Importing from them takes a second, and each task of a worker lists them again.
    """
    archives = [entry for entry in sys.path if _is_sparks(Path(entry))]
    sys.path[:] = [entry for entry in sys.path if entry not in archives]
    for entry in archives:
        sys.path_importer_cache.pop(entry, None)


def _is_sparks(entry: Path) -> bool:
    """Whether this is an archive inside site-packages/pyspark, and site-packages is on the path."""
    homes = [folder.parent for folder in entry.parents if folder.name == "pyspark"]
    return entry.suffix in (".zip", ".jar") and any(str(home) in sys.path for home in homes)


if "pyspark" not in sys.modules:
    _leave_archives()
