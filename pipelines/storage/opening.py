"""Opens files, on disk and in stores."""

from __future__ import annotations

import io
import os
from typing import BinaryIO, cast

from pipelines.storage.locations import Entry, is_uri
from pipelines.storage.stores import Store, Stores, store_of

FIRST_BYTES = 128 << 10  # of the first request; enough to recognise what a file is
MAX_BYTES = 4 << 20


def open_file(path: str, stores: Stores) -> BinaryIO:
    """The file, open for reading and seeking. Raises OSError (for objects at the first read) and StoreError."""
    if not is_uri(path):
        return open(path, "rb")
    return cast(BinaryIO, ObjectFile(*store_of(path, stores)))


def stat_file(path: str, stores: Stores) -> Entry:
    """Raises OSError and StoreError."""
    if not is_uri(path):
        status = os.stat(path)
        return Entry(status.st_size, status.st_mtime_ns)
    store, key = store_of(path, stores)
    return store.head(key)


def read_whole(uri: str, most: int, stores: Stores) -> tuple[bytes, Entry]:
    """(the first `most` bytes of the object, its entry), in one request. Raises OSError and StoreError."""
    store, key = store_of(uri, stores)
    return store.read(key, 0, most)


class ObjectFile(io.RawIOBase):
    """An object as a seekable file. Every request asks for the version that the first one returned, so versions are never mixed.

    Sequential reads fetch larger and larger parts, up to MAX_BYTES; a read elsewhere fetches at least FIRST_BYTES.
    """

    def __init__(self, store: Store, key: str):
        self._store, self._key = store, key
        self._at, self._part, self._part_at, self._step = 0, b"", 0, FIRST_BYTES
        self._entry: Entry | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}.get(whence)
        self._at = max(0, offset + (self._size() if start is None else start))
        return self._at

    def readinto(self, buffer: object) -> int:
        """Fills the whole buffer, except at the end of the object."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        filled = 0
        while filled < len(view) and (part := self._next_part(len(view) - filled)):
            view[filled : filled + len(part)] = part
            filled += len(part)
            self._at += len(part)
        return filled

    def _next_part(self, wanted: int) -> memoryview:
        """Bytes from the current position; none at the end."""
        inside = self._at - self._part_at
        if not 0 <= inside < len(self._part):
            self._fetch(wanted)
            inside = 0
        return memoryview(self._part)[inside : inside + wanted]

    def _fetch(self, wanted: int) -> None:
        goes_on = self._at == self._part_at + len(self._part)
        self._step = min(4 * self._step, MAX_BYTES) if goes_on and self._part else FIRST_BYTES
        known = self._entry
        if known is not None and self._at >= known.size:
            self._part, self._part_at = b"", self._at
            return
        self._part, entry = self._store.read(self._key, self._at, self._at + max(wanted, self._step), known.version if known else "")
        self._part_at = self._at
        self._entry = known or entry

    def _size(self) -> int:
        if self._entry is None:
            self._entry = self._store.head(self._key)
        return self._entry.size
