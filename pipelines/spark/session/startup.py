"""A process of the job without what it has no use for, or with it in time: pandas takes half a second to import, in the driver and in each worker."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Thread
from types import ModuleType

import pyarrow as pa

OBJECTS = 20_000  # allocated between two collections of the youngest


def relax_garbage_collection() -> None:
    """For a process of our own: records make many objects but few cycles, and what was imported is never collected."""
    gc.freeze()
    gc.set_threshold(OBJECTS, 20, 20)


class _NoPandas:
    """On sys.meta_path: whoever looks for pandas finds none."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextmanager
def _without_pandas() -> Iterator[None]:
    sys.meta_path.insert(0, _NoPandas)
    try:
        yield
    finally:
        sys.meta_path.remove(_NoPandas)


def avoid_pandas() -> None:
    """Has pyarrow look for pandas now and find none; else it imports it at the first list that becomes an array.

    It looks again when somebody wants a frame of pandas. A process that has pandas already keeps it.
    """
    if "pandas" not in sys.modules:
        with _without_pandas():
            pa.array([0])


def avoid_pandas_in_driver() -> None:
    """The same of py4j, which asks pyspark's tests at the first call of the JVM whether there is numpy, and these ask for pandas too.

    Spark Connect cannot be used in this process any more: it works only where those tests have found pandas.
    """
    avoid_pandas()
    if "pandas" not in sys.modules:
        with _without_pandas():
            import pyspark.testing.utils  # noqa: F401


def in_background(work: Callable[[], object]) -> None:
    """Does this while the driver waits for the JVM and the workers. Where it fails, the driver fails when it needs it, and says why."""

    def run() -> None:
        with suppress(Exception):
            work()

    Thread(target=run, name="in_background").start()
