"""HDFS through pyarrow.fs, which uses Hadoop's own libhdfs and its configuration."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast

from pyarrow import ArrowException
from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType, HadoopFileSystem

from pipelines.storage.locations import Forbidden, Location, StoreError
from pipelines.storage.stores import Entry


def open_hadoop(location: Location, settings: Mapping[str, str]) -> Files:
    """The client of a name node, or of the one in the Hadoop configuration. Raises StoreError."""
    shown = f"{location.scheme}://{location.bucket}"
    host, _, port = location.bucket.partition(":")
    try:
        return Files(
            HadoopFileSystem(f"viewfs://{host}" if location.scheme == "viewfs" else host or "default", int(port or 0), user=settings.get("user")), shown
        )
    except (OSError, ImportError, ArrowException) as error:
        raise StoreError(f"{shown} cannot be used: {_first_line(error)}") from None


class Files:
    """A file system of pyarrow. It has no versions: changes show in size and time, and files are hashed."""

    def __init__(self, system: FileSystem, shown: str):
        self._system, self._shown = system, shown

    def head(self, key: str) -> Entry:
        with self._errors(key):
            info = self._system.get_file_info(f"/{key}")
        if info.type != FileType.File:
            raise FileNotFoundError(errno.ENOENT, "no such file", f"{self._shown}/{key}")
        return _entry(info)

    def entries_below(self, prefix: str) -> Iterator[tuple[str, Entry]]:
        for info in self._infos(prefix, recursive=True):
            if info.type == FileType.File:
                yield info.path.strip("/"), _entry(info)

    def names_in(self, prefix: str) -> tuple[list[str], list[tuple[str, Entry]]]:
        infos = self._infos(prefix, recursive=False)
        folders = [info.path.strip("/") for info in infos if info.type == FileType.Directory]
        return folders, [(info.path.strip("/"), _entry(info)) for info in infos if info.type == FileType.File]

    def has_below(self, prefix: str) -> bool:
        with self._errors(prefix):
            return self._system.get_file_info(f"/{prefix}").type == FileType.Directory

    def read(self, key: str, start: int, end: int, version: str = "") -> tuple[bytes, Entry]:
        entry = self.head(key)
        with self._errors(key), self._system.open_input_file(f"/{key}") as file:
            return file.read_at(max(0, min(end, entry.size) - start), start), entry

    def write(self, key: str, data: bytes, expected: str | None = None) -> str:
        """HDFS has no versions and libhdfs no conditional writes, so a condition is checked before the file is written."""
        if expected is not None:
            with self._errors(key):
                exists = self._system.get_file_info(f"/{key}").type != FileType.NotFound
            if exists and not expected:
                raise FileExistsError(errno.EEXIST, "the file exists already", f"{self._shown}/{key}")
            if expected and (not exists or self.head(key).identity != expected):
                raise OSError(errno.ESTALE, "the file has changed", f"{self._shown}/{key}")
        temporary = f"{key}.{os.getpid()}.tmp"
        with self.open_output(temporary) as file:
            file.write(data)
        with self._errors(key):
            self._system.move(f"/{temporary}", f"/{key}")
        return self.head(key).identity

    def open_output(self, key: str) -> BinaryIO:
        with self._errors(key):
            self._system.create_dir(f"/{key}".rpartition("/")[0] or "/")
            return cast(BinaryIO, self._system.open_output_stream(f"/{key}"))

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            with self._errors(key), suppress(FileNotFoundError):
                self._system.delete_file(f"/{key}")

    def _infos(self, prefix: str, recursive: bool) -> list[FileInfo]:
        with self._errors(prefix):
            return self._system.get_file_info(FileSelector(f"/{prefix}", allow_not_found=True, recursive=recursive))

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        uri = f"{self._shown}/{key}"
        try:
            yield
        except FileNotFoundError:
            raise FileNotFoundError(errno.ENOENT, "no such file", uri) from None
        except PermissionError:
            raise Forbidden(f"{uri} cannot be read: permission denied") from None
        except (OSError, ArrowException) as error:
            raise StoreError(f"{uri}: {_first_line(error)}") from None


def _entry(info: FileInfo) -> Entry:
    return Entry(info.size, info.mtime_ns or 0)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
