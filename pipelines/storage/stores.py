"""The clients of stores: at most one per bucket and process, opened when first used, with the environment and the settings.

Object stores are read through obstore, and HDFS through hdfs-native. pyarrow could read both, but its listings of object stores have no etags,
so every object would have to be hashed; it has no conditional requests, so an object that is replaced during reading would give a mix of both;
and for HDFS it needs Java and Hadoop's libraries. deltalake uses the Rust crates of obstore and hdfs-native, and therefore the same settings and
environment variables.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO, Protocol

from pipelines.storage.locations import HADOOP, Entry, Location, is_uri, location_of

MAX_CLIENTS = 32


@dataclass(frozen=True, slots=True)
class Stores:
    """How to reach stores, by scheme: settings in addition to the environment. Small and frozen, so that closures can carry it."""

    settings: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()

    def of(self, scheme: str) -> Mapping[str, str]:
        return dict(dict(self.settings).get(scheme, ()))


ENVIRONMENT = Stores()


class Store(Protocol):
    """A bucket, container or file system. Keys neither begin nor end with a slash. All methods raise StoreError if it cannot be read."""

    def head(self, key: str) -> Entry:
        """Raises FileNotFoundError."""

    def entries_below(self, prefix: str) -> Iterator[tuple[str, Entry]]:
        """(key, entry) of every object below the folder `prefix`."""

    def names_in(self, prefix: str) -> tuple[list[str], list[tuple[str, Entry]]]:
        """(keys of folders, keys of objects with their entries) directly in the folder `prefix`."""

    def has_below(self, prefix: str) -> bool:
        """Whether the folder has anything in it."""

    def read(self, key: str, start: int, end: int, version: str = "") -> tuple[bytes, Entry]:
        """The bytes [start, end), fewer at the end of the object, and its entry. Raises OSError; ESTALE if it now has another version."""

    def write(self, key: str, data: bytes, expected: str | None = None) -> str:
        """Writes the object in one step and returns its identity. `expected` is the identity that it must have now, "" if it must not exist.

        Raises FileExistsError if it exists, and OSError ESTALE if it has another version.
        """

    def open_output(self, key: str) -> BinaryIO:
        """A new object to write to. It is whole when it is closed."""

    def delete(self, keys: Sequence[str]) -> None:
        """Deletes objects; those that do not exist are passed over."""

    def delete_below(self, prefix: str) -> None:
        """Deletes the folder `prefix` with everything in it, if it exists."""


def store_of(uri: str, stores: Stores) -> tuple[Store, str]:
    """The client for this URI, and its key there. Raises StoreError."""
    location = location_of(uri)
    settings = tuple(sorted(stores.of(location.scheme).items()))
    return _open_store(os.getpid(), location._replace(key=""), settings), location.key


def table_options(path: str, stores: Stores) -> dict[str, str] | None:
    """What deltalake needs to open a table at this path or URI; None on disk."""
    if not is_uri(path):
        return None
    location = location_of(path)
    if location.scheme in HADOOP:
        from pipelines.storage.hadoop import CONFIG

        return dict(CONFIG)
    from pipelines.storage.objects import CONNECT_SECONDS, MAX_RETRIES, REQUEST_SECONDS, config_of

    bounds = {"allow_http": "true", "connect_timeout": f"{CONNECT_SECONDS}s", "timeout": f"{REQUEST_SECONDS}s", "max_retries": str(MAX_RETRIES)}
    return config_of(location, stores.of(location.scheme)) | bounds


# By process: a client of the parent does not work in a fork.
@lru_cache(maxsize=MAX_CLIENTS)
def _open_store(process: int, location: Location, settings: tuple[tuple[str, str], ...]) -> Store:
    if location.scheme in HADOOP:
        from pipelines.storage.hadoop import open_hadoop

        return open_hadoop(location)
    from pipelines.storage.objects import open_objects  # takes a tenth of a second, which runs on local files need not wait for

    return open_objects(location, dict(settings))
