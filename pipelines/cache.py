"""A cache that is bounded by the bytes of what it keeps."""

from __future__ import annotations

from collections.abc import Callable
from sys import getsizeof
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

MAX_BYTES = 32 << 20


class BoundedCache(dict[K, V]):
    """`self[key]` is `make(key)`, which is kept; a hit is a lookup in a dict. The cache is emptied before it would exceed `max_bytes`.

    `size_of` gives the bytes of a key with its value. A value of more than an eighth of `max_bytes` is not kept.
    """

    def __init__(
        self, make: Callable[[K], V], size_of: Callable[[K, V], int] = lambda key, value: getsizeof(key) + getsizeof(value), max_bytes: int = MAX_BYTES
    ):
        super().__init__()
        self._make, self._size_of, self._max_bytes, self._bytes = make, size_of, max_bytes, 0

    def __missing__(self, key: K) -> V:
        value = self._make(key)
        size = self._size_of(key, value)
        if size <= self._max_bytes // 8:
            if self._bytes + size > self._max_bytes:
                self.clear()
                self._bytes = 0
            self._bytes += size
            self[key] = value
        return value
