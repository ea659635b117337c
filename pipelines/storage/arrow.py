"""A folder of a store as a file system of pyarrow, for readers of Parquet files. Paths are relative to the folder."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileSystemHandler, FileType, LocalFileSystem, PyFileSystem, SubTreeFileSystem

from pipelines.storage.locations import is_uri, join
from pipelines.storage.opening import open_file, stat_file
from pipelines.storage.stores import Stores, store_of


def arrow_filesystem(folder: str, stores: Stores) -> FileSystem:
    return PyFileSystem(_Reader(folder, stores)) if is_uri(folder) else SubTreeFileSystem(folder, LocalFileSystem())


class _Reader(FileSystemHandler):
    """Reads only. The handler that deltalake has would keep Python's lock during each request, also from the thread that renews a lease."""

    def __init__(self, folder: str, stores: Stores):
        self.folder, self.stores = folder, stores

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reader) and (self.folder, self.stores) == (other.folder, other.stores)

    def __hash__(self) -> int:
        return hash((self.folder, self.stores))

    def get_type_name(self) -> str:
        return "store"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: list[str]) -> list[FileInfo]:
        return [self._info(path) for path in paths]

    def _info(self, path: str) -> FileInfo:
        try:
            entry = stat_file(join(self.folder, path), self.stores)
        except FileNotFoundError:
            return FileInfo(path, FileType.NotFound)
        return FileInfo(path, FileType.File, size=entry.size, mtime_ns=entry.modified)

    def get_file_info_selector(self, selector: FileSelector) -> list[FileInfo]:
        """The files; folders are left out, since nothing here asks for them."""
        base = selector.base_dir.strip("/")
        store, prefix = store_of(join(self.folder, base), self.stores)
        found = store.entries_below(prefix) if selector.recursive else store.names_in(prefix)[1]
        return [FileInfo(f"{base}/{key[len(prefix) + 1 :]}", FileType.File, size=entry.size, mtime_ns=entry.modified) for key, entry in found]

    def open_input_file(self, path: str) -> pa.NativeFile:
        uri = join(self.folder, path)
        stat_file(uri, self.stores)  # pyarrow expects the error here, and not at the first read
        return pa.PythonFile(open_file(uri, self.stores), mode="r")

    def open_input_stream(self, path: str) -> pa.NativeFile:
        return self.open_input_file(path)

    def _refuse(self, *arguments: Any) -> Any:
        raise NotImplementedError("this file system can only be read")

    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = delete_file = move = copy_file = _refuse
    open_output_stream = open_append_stream = _refuse
