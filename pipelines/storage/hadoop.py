"""HDFS through hdfs-native, which speaks the protocol itself: it needs neither Java nor Hadoop's libraries. deltalake uses the same client.

The name node, name services and viewfs come from core-site.xml and hdfs-site.xml in HADOOP_CONF_DIR, the user from HADOOP_USER_NAME, from tickets of
Kerberos or from the machine.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import get_ident
from typing import Any, BinaryIO, cast

from hdfs_native import Client, WriteOptions

from pipelines.storage.locations import Entry, Forbidden, Location, StoreError
from pipelines.storage.output import StoreOutput

# A name node that does not answer is given up after half a minute. By default it would be three minutes.
CONFIG = {"dfs.client.failover.max.attempts": "5"}
TURN_SECONDS = 60
# RPCError("org.apache.hadoop.security.AccessControlException", "Permission denied: user=... and a stack trace of Java")
_REMOTE_ERROR = re.compile(r'\w+\("(?:[\w.]*\.)?([\w$]+)", "(.*?)(?:\\n|\n|"\)$)', re.DOTALL)


def open_hadoop(location: Location) -> Files:
    """The client of a name node, or of the one in the Hadoop configuration. Opens no connection. Raises StoreError."""
    shown = f"{location.scheme}://{location.bucket}"
    try:
        return Files(Client(shown, CONFIG), shown)
    except (OSError, RuntimeError, ValueError) as error:
        raise StoreError(f"{shown} cannot be used: {_first_line(error)}; is HADOOP_CONF_DIR set?") from None


class Files:
    """A file system of Hadoop. It has no versions: changes show in size and time, and files are hashed."""

    def __init__(self, client: Any, shown: str):
        self._client, self._shown = client, shown

    def head(self, key: str) -> Entry:
        with self._errors(key):
            found = self._client.get_file_info(f"/{key}")
        if found.isdir:
            raise FileNotFoundError(errno.ENOENT, "a folder, not a file", f"{self._shown}/{key}")
        return _entry(found)

    def entries_below(self, prefix: str) -> Iterator[tuple[str, Entry]]:
        for found in self._below(prefix, recursive=True):
            if not found.isdir:
                yield found.path.strip("/"), _entry(found)

    def names_in(self, prefix: str) -> tuple[list[str], list[tuple[str, Entry]]]:
        below = list(self._below(prefix, recursive=False))
        folders = [found.path.strip("/") for found in below if found.isdir]
        return folders, [(found.path.strip("/"), _entry(found)) for found in below if not found.isdir]

    def has_below(self, prefix: str) -> bool:
        with self._errors(prefix), suppress(FileNotFoundError):
            return bool(self._client.get_file_info(f"/{prefix}").isdir)
        return False

    def read(self, key: str, start: int, end: int, version: str = "") -> tuple[bytes, Entry]:
        entry = self.head(key)
        with self._errors(key):
            file = self._client.read(f"/{key}")
            most = min(end, len(file)) - start  # a read past the end is a panic in Rust, and the file may be another than the entry's
            return (bytes(file.read_range(start, most)) if most > 0 else b""), entry

    def write(self, key: str, data: bytes, expected: str | None = None) -> str:
        temporary = _beside(key, f"{socket.gethostname()}.{os.getpid()}.{get_ident()}")
        try:
            with self.open_output(temporary) as file:
                file.write(data)
            entry = self.head(temporary)  # a rename does not change it
            if expected:
                self._replace(key, temporary, entry, expected)
            else:
                self._rename(temporary, key, overwrite=expected is None)
        finally:
            self.delete([temporary])
        return entry.identity

    def _replace(self, key: str, new: str, entry: Entry, expected: str) -> None:
        """Puts the file `new` in the place of one with this identity. Raises OSError ESTALE.

        HDFS replaces no file on a condition, but it renames a file only to a name that is free. So writers take turns: whose file has the name
        of the turn compares the identity, and renames its file once more. The times of both files are those of the name node.
        """
        turn = _beside(key, "turn")
        changed = OSError(errno.ESTALE, "the file has changed", f"{self._shown}/{key}")
        try:
            self._rename(new, turn, overwrite=False)
        except FileExistsError:
            with suppress(FileNotFoundError):
                if entry.modified - self.head(turn).modified > TURN_SECONDS * 10**9:  # of a writer that died; the next attempt can have it
                    self.delete([turn])
            raise changed from None
        is_replaced = False
        try:
            if self.head(key).identity == expected:
                self._rename(turn, key, overwrite=True)
                is_replaced = True
        except FileNotFoundError:
            pass
        finally:
            if not is_replaced:
                self.delete([turn])
        if not is_replaced:
            raise changed

    def _rename(self, key: str, new: str, overwrite: bool) -> None:
        with self._errors(new):
            self._client.rename(f"/{key}", f"/{new}", overwrite=overwrite)

    def open_output(self, key: str) -> BinaryIO:
        """Unlike in an object store, the file is there at once, with no bytes. Its folders are made."""
        with self._errors(key):
            return cast(BinaryIO, StoreOutput(self._client.create(f"/{key}", WriteOptions(overwrite=True)), lambda: self._errors(key)))

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            with self._errors(key), suppress(FileNotFoundError):
                self._client.delete(f"/{key}", recursive=False)

    def delete_below(self, prefix: str) -> None:
        with self._errors(prefix), suppress(FileNotFoundError):
            self._client.delete(f"/{prefix}", recursive=True)

    def _below(self, prefix: str, recursive: bool) -> Iterator[Any]:
        """What is below this folder; nothing where there is no such folder, or where it is a file."""
        with self._errors(prefix), suppress(FileNotFoundError):
            for found in self._client.list_status(f"/{prefix}", recursive):
                if found.path.strip("/") != prefix:
                    yield found

    def _errors(self, key: str) -> Any:
        return _raise_plain_errors(f"{self._shown}/{key}" if key else self._shown)


@contextmanager
def _raise_plain_errors(uri: str) -> Iterator[None]:
    """Turns errors of hdfs-native into OSError if they concern the file, and into StoreError if they concern the file system."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, "no such file", uri) from None
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, "the file exists already", uri) from None
    except (OSError, RuntimeError) as error:
        kind, text = _parts(error)
        if "(is not a directory)" in text:
            raise NotADirectoryError(errno.ENOTDIR, "a file is in the place of a folder", uri) from None
        if kind == "AccessControlException":
            raise Forbidden(f"{uri}: permission denied ({text.removeprefix('Permission denied: ')})") from None
        raise StoreError(f"{uri}: {text}") from None


def _parts(error: Exception) -> tuple[str, str]:
    """(class, first line) of an error of Hadoop's, which hdfs-native gives as text; of any other error its own."""
    found = _REMOTE_ERROR.match(str(error))
    return (found[1], found[2].replace('\\"', '"')) if found else (type(error).__name__, _first_line(error))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def _beside(key: str, ending: str) -> str:
    """A name in the same folder that no reader takes for data."""
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}.{name}.{ending}"


def _entry(found: Any) -> Entry:
    return Entry(found.length, found.modification_time * 1_000_000)
