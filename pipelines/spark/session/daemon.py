"""The process from which local Spark forks its Python workers. It imports our code and its libraries once, instead of once per worker.

`spark.python.daemon.module` in conf/local.conf names it. Without it a night of 20,000 conversations takes a fifth more CPU time. A cluster
uses Spark's own daemon: there our code can come as a zip that a worker finds and this process would not.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module

OBJECTS = 20_000  # allocated between two collections of the youngest: records make many objects but few cycles
LIBRARIES = ("pipelines.spark.plans.drafts", "pipelines.spark.plans.outcomes")


def without_archives(path: Sequence[str]) -> list[str]:
    """A module search path without the archives inside an installed pyspark that is on the path itself.

    Spark puts them first: its own Python modules, which are also in that folder, and a jar. Before each task a worker drops what Python knows about its
    path, and Python before 3.13 then reads the tables of contents of these archives 16 times, which takes 0.1 s.
    """
    installed = tuple(os.path.join(os.path.realpath(entry), "pyspark", "") for entry in path)
    return [entry for entry in path if not (entry.endswith((".zip", ".jar")) and os.path.realpath(entry).startswith(installed))]


def load() -> None:
    """Imports what the workers need."""
    for library in LIBRARIES:
        import_module(library)


if __name__ == "__main__":
    sys.path[:] = without_archives(sys.path)
    sys.path_importer_cache.clear()
    load()
    gc.freeze()  # workers share what was imported, and never collect it
    gc.set_threshold(OBJECTS, 20, 20)
    import_module("pyspark.daemon").manager()
