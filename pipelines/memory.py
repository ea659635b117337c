"""What memory this process has, giving back what it has no use for (allocators keep what was freed, row group after row group), and looking for cycles."""

from __future__ import annotations

import ctypes
import gc
import resource
from contextlib import suppress

import pyarrow as pa

OBJECTS = 20_000  # that are made before the youngest are looked through for cycles


def give_back() -> None:
    """Has Arrow and glibc give the system what was freed: some milliseconds, and as much as a third of a worker's memory."""
    pa.default_memory_pool().release_unused()
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def own_bytes() -> int:
    """Memory of this process without what Arrow holds, which comes and goes; where the system has no /proc, the most that it ever had."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize() - pa.total_allocated_bytes()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def look_seldom() -> None:
    """Records make many objects but few cycles: the young are looked through less often."""
    gc.set_threshold(OBJECTS, 20, 20)


def settle_garbage() -> None:
    """The same in a process of our own, where what was imported is here to stay and is not looked through at all."""
    gc.freeze()
    look_seldom()
