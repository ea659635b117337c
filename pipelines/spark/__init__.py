"""The only folder that imports pyspark: the pure flow, carried over partitions."""

from __future__ import annotations

import sys
from pathlib import Path


def _leave_archives() -> None:
    """Takes off the import path the archives of a Spark that is installed, and so is on it unpacked and compiled too.

    Spark puts two zips and its core jar first, for the driver and for the workers: importing from them takes a second, and each task of a
    worker reads again what is in them.
    """
    archives = [entry for entry in sys.path if _is_sparks(Path(entry))]
    sys.path[:] = [entry for entry in sys.path if entry not in archives]
    for entry in archives:
        sys.path_importer_cache.pop(entry, None)


def _is_sparks(entry: Path) -> bool:
    """Whether this is an archive somewhere in site-packages/pyspark, and site-packages is on the path."""
    homes = [folder.parent for folder in entry.parents if folder.name == "pyspark"]
    return entry.suffix in (".zip", ".jar") and any(str(home) in sys.path for home in homes)


if "pyspark" not in sys.modules:
    _leave_archives()
