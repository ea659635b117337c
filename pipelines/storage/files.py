"""Reads, writes and deletes whole files, on disk and in stores. Paths are absolute paths or URIs."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import get_ident
from typing import BinaryIO

from pipelines.storage.locations import Entry, bucket_of, is_uri, join
from pipelines.storage.opening import stat_file
from pipelines.storage.stores import Stores, store_of


def read_file(path: str, stores: Stores) -> bytes:
    """Raises OSError, FileNotFoundError among them, and StoreError."""
    if not is_uri(path):
        return Path(path).read_bytes()
    store, key = store_of(path, stores)
    return store.read(key, 0, store.head(key).size)[0]


def write_file(path: str, data: bytes, stores: Stores) -> None:
    """Writes or replaces a file in one step, so a reader sees the old bytes or the new ones."""
    if not is_uri(path):
        write_whole(Path(path), data)
        return
    store, key = store_of(path, stores)
    store.write(key, data)


def create_file(path: str, data: bytes, stores: Stores) -> bool:
    """Writes a file in one step unless it exists. Returns whether it was written."""
    if is_uri(path):
        store, key = store_of(path, stores)
        try:
            store.write(key, data, "")
        except FileExistsError:
            return False
        return True
    temporary = _temporary(Path(path))
    temporary.write_bytes(data)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    return True


def open_output(path: str, stores: Stores) -> BinaryIO:
    """A new file to write to. In an object store it appears when it is closed."""
    if is_uri(path):
        store, key = store_of(path, stores)
        return store.open_output(key)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return open(path, "wb")


def file_exists(path: str, stores: Stores) -> bool:
    try:
        stat_file(path, stores)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def files_below(folder: str, stores: Stores) -> Iterator[tuple[str, Entry]]:
    """The paths of all files below a folder, with their entries. None if there is no such folder."""
    if is_uri(folder):
        store, key = store_of(folder, stores)
        for found, entry in store.entries_below(key):
            yield join(bucket_of(folder), found), entry
        return
    for above, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(above, name)
            with suppress(FileNotFoundError):
                yield path, stat_file(path, stores)


def names_in(folder: str, stores: Stores) -> list[str]:
    """The names of the files and folders directly in a folder, sorted. None if there is no such folder."""
    if is_uri(folder):
        store, key = store_of(folder, stores)
        folders, files = store.names_in(key)
        return sorted(one.rpartition("/")[2] for one in [*folders, *(name for name, _ in files)])
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def delete_files(paths: Iterable[str], stores: Stores) -> None:
    """Those that do not exist are passed over."""
    for path in paths:
        if is_uri(path):
            store, key = store_of(path, stores)
            store.delete([key])
        else:
            Path(path).unlink(missing_ok=True)


def delete_folder(folder: str, stores: Stores) -> None:
    """Deletes a folder with everything in it."""
    if is_uri(folder):
        store, key = store_of(folder, stores)
        store.delete_below(key)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def write_whole(path: Path, data: bytes) -> None:
    """Writes a local file in one step, so that two threads, two workers and two machines can write it at the same time."""
    temporary = _temporary(path)
    temporary.write_bytes(data)
    temporary.replace(path)


def _temporary(path: Path) -> Path:
    """A new file beside this one, named so that no reader of the folder takes it for data."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.{get_ident()}")
