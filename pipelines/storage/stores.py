"""The clients of stores: at most one per bucket and process, opened at its first use, with what the environment and the settings say.

Object stores are read through obstore, and HDFS through pyarrow.fs. Both give bytes and listings; but pyarrow lists no etags and has no
conditional requests, so that each object would have to be hashed to be known again, and an object that is replaced while it is read would
be a mixture. deltalake stands on the same Rust crate as obstore, and so takes the same settings and the same variables of the environment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from pipelines.storage.locations import Location, is_uri, location_of

MAX_CLIENTS = 32


class Entry(NamedTuple):
    """An object or file: `modified` in ns since 1970, and `version`, which changes whenever its bytes do; "" where the store has none."""

    size: int
    modified: int
    version: str = ""


@dataclass(frozen=True, slots=True)
class Stores:
    """How stores are reached, by scheme: settings beside what the environment says. Small and frozen, so that closures can carry it."""

    settings: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()

    def of(self, scheme: str) -> Mapping[str, str]:
        return dict(dict(self.settings).get("hdfs" if scheme == "viewfs" else scheme, ()))


ENVIRONMENT = Stores()


class Store(Protocol):
    """A bucket, container or file system. Keys have no slash at their ends. All methods raise StoreError where it cannot be used."""

    def head(self, key: str) -> Entry:
        """Raises FileNotFoundError."""

    def entries_below(self, prefix: str) -> Iterator[tuple[str, Entry]]:
        """(key, entry) of every object below the folder `prefix`."""

    def names_in(self, prefix: str) -> tuple[list[str], list[tuple[str, Entry]]]:
        """(keys of folders, keys of objects with their entries) directly in the folder `prefix`."""

    def has_below(self, prefix: str) -> bool:
        """Whether the folder has anything in it."""

    def read(self, key: str, start: int, end: int, version: str = "") -> tuple[bytes, Entry]:
        """The bytes [start, end) as far as there are any, and the whole object's entry. Raises OSError: ESTALE where it has another version."""


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
    if location.scheme in ("hdfs", "viewfs"):
        return {}
    from pipelines.storage.objects import CONNECT_SECONDS, MAX_RETRIES, REQUEST_SECONDS, config_of

    bounds = {"allow_http": "true", "connect_timeout": f"{CONNECT_SECONDS}s", "timeout": f"{REQUEST_SECONDS}s", "max_retries": str(MAX_RETRIES)}
    return config_of(location, stores.of(location.scheme)) | bounds


# By process: neither client lives on in a fork.
@lru_cache(maxsize=MAX_CLIENTS)
def _open_store(process: int, location: Location, settings: tuple[tuple[str, str], ...]) -> Store:
    if location.scheme in ("hdfs", "viewfs"):
        from pipelines.storage.hadoop import open_hadoop  # needs Hadoop's libraries

        return open_hadoop(location, dict(settings))
    from pipelines.storage.objects import open_objects  # takes a tenth of a second, which runs on local files need not wait for

    return open_objects(location, dict(settings))
