"""A process of the job without what it has no use for: pandas takes half a second to import, in the driver and in each worker."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from types import ModuleType

import pyarrow as pa

OBJECTS = 20_000  # that are made before the youngest are looked through for cycles


class _NoPandas:
    """On sys.meta_path: whoever looks for pandas finds none."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def spare_pandas() -> None:
    """Has pyarrow and pyspark look for pandas now and find none; else pyarrow imports it at the first list that becomes an array.

    pyarrow looks again when somebody wants a frame of pandas. A process that has pandas already keeps it.
    """
    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([0])
        import pyspark.testing.utils  # noqa: F401  # py4j's converters ask here whether there is numpy, at the first call of the JVM
    finally:
        sys.meta_path.remove(_NoPandas)


def settle_garbage() -> None:
    """What was imported is here to stay, and records make many objects but few cycles: both are looked through less often."""
    gc.freeze()
    gc.set_threshold(OBJECTS, 20, 20)
