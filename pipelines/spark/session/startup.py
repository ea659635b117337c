"""Faster start of driver and workers: importing pandas takes half a second in each, so it is avoided or done in the background."""

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
    """A finder on sys.meta_path that hides pandas."""

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
    """Lets pyarrow look for pandas now and find none; otherwise it imports pandas when it first converts a list.

    It looks again when a pandas frame is asked for. A process that has imported pandas keeps it.
    """
    if "pandas" not in sys.modules:
        with _without_pandas():
            pa.array([0])


def avoid_pandas_in_driver() -> None:
    """The same for py4j, whose first call of the JVM imports pyspark.testing, which looks for pandas.

    Spark Connect cannot be used in this process afterwards: it works only where pyspark.testing has found pandas.
    """
    avoid_pandas()
    if "pandas" not in sys.modules:
        with _without_pandas():
            import pyspark.testing.utils  # noqa: F401


def in_background(work: Callable[[], object]) -> None:
    """Does this in a thread, while the driver waits for the JVM. A failure is ignored here: it occurs again where the result is needed."""

    def run() -> None:
        with suppress(Exception):
            work()

    Thread(target=run, name="background").start()
