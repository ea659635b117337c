"""What memory is in use, keeping what is made again and again, giving back what there is no use for (allocators keep what was freed), and looking
for cycles."""

from __future__ import annotations

import ctypes
import gc
import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from sys import getsizeof
from typing import TYPE_CHECKING, TypeVar, cast

import pyarrow as pa

if TYPE_CHECKING:
    import pyarrow.parquet as pq

K = TypeVar("K")
V = TypeVar("V")

OBJECTS = 20_000  # that are made before the youngest are looked through for cycles
KEPT_BYTES = 32 << 20


class Kept(dict[K, V]):
    """`self[key]` is `make(key)`, which is kept; a hit is a lookup in a dict. When all that is kept weighs `most` bytes, keeping begins anew.

    `weigh` gives the bytes of a key with its value. What would take an eighth by itself is not kept.
    """

    def __init__(self, make: Callable[[K], V], weigh: Callable[[K, V], int] = lambda key, value: getsizeof(key) + getsizeof(value), most: int = KEPT_BYTES):
        super().__init__()
        self._make, self._weigh, self._most, self._weight = make, weigh, most, 0

    def __missing__(self, key: K) -> V:
        value = self._make(key)
        weight = self._weigh(key, value)
        if weight <= self._most // 8:
            if self._weight + weight > self._most:
                self.clear()
                self._weight = 0
            self._weight += weight
            self[key] = value
        return value


def give_back() -> None:
    """Has Arrow and glibc give the system what was freed: some milliseconds, and as much as a third of a worker's memory."""
    pa.default_memory_pool().release_unused()
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def batches_of(file: pq.ParquetFile, rows: int, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a file in batches of at most so many. One row group after the other: a reader of all of them keeps until its end what it has read."""
    for group in range(file.num_row_groups):
        yield from file.iter_batches(batch_size=rows, row_groups=[group], columns=columns, use_threads=False)


class _MallInfo(ctypes.Structure):
    """glibc's struct mallinfo2."""

    _fields_ = [(name, ctypes.c_size_t) for name in ["arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"]]


@cache
def _mallinfo() -> Callable[[], _MallInfo] | None:
    try:
        found = ctypes.CDLL(None).mallinfo2  # glibc 2.33
    except (AttributeError, OSError):
        return None
    found.restype = _MallInfo
    return cast("Callable[[], _MallInfo]", found)


def live_bytes() -> int:
    """Memory of this process that C's allocator has given out and not got back: words of a tokenizer, arrays, long texts; Arrow has an allocator of its own.

    A millisecond. Of a C library that does not tell, all memory without what Arrow holds, once what was freed is given back; without /proc, the most that there ever was.
    """
    if ask := _mallinfo():
        told = ask()
        return int(told.uordblks + told.hblkhd)
    give_back()
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
