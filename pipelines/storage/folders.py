"""Lists folders on disk and in stores in the same way. A store has no folders, only keys with slashes in them."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from pipelines.storage.locations import Entry, bucket_of, is_below, is_uri, join, location_of, parent_of
from pipelines.storage.opening import stat_file
from pipelines.storage.stores import Stores, store_of

OnError = Callable[[OSError], None]
Level = tuple[str, list[str], list[str]]  # as in os.walk: a folder, its folders, its files


@dataclass(slots=True)
class _Names:
    folders: set[str] = field(default_factory=set)
    files: dict[str, Entry] = field(default_factory=dict)


@dataclass(slots=True)
class Folders:
    """Disks are read at every call. Listings of stores are kept, so a prefix that was listed once needs no further requests."""

    stores: Stores
    _listed: dict[str, _Names] = field(default_factory=dict)
    _whole: set[str] = field(default_factory=set)  # folders that were listed with all their subfolders
    _any: dict[str, bool] = field(default_factory=dict)

    def is_folder(self, path: str) -> bool:
        if not is_uri(path):
            return os.path.isdir(path)
        if path in self._listed or self._is_known(path):
            names = self._listed.get(path)
            return names is not None and bool(names.folders or names.files)
        if above := self._listed.get(parent_of(path)):
            return path.rpartition("/")[2] in above.folders
        if path not in self._any:
            store, key = store_of(path, self.stores)
            self._any[path] = store.has_below(key)
        return self._any[path]

    def exists(self, path: str) -> bool:
        """Whether there is anything, including a broken link."""
        return os.path.lexists(path) if not is_uri(path) else self.is_folder(path) or self.is_file(path)

    def is_file(self, path: str) -> bool:
        """Whether there is a file, or in a store an object."""
        if not is_uri(path):
            return os.path.isfile(path)
        try:
            self.stat(path)
        except FileNotFoundError:
            return False
        return True

    def stat(self, path: str) -> Entry:
        """The entry from the listing, or else a new one. Raises OSError."""
        if is_uri(path):
            above, name = parent_of(path), path.rpartition("/")[2]
            names = self._listed.get(above)
            if names and name in names.files:
                return names.files[name]
            if names or self._is_known(above):
                raise FileNotFoundError(2, "no such object", path)
            if not location_of(path).key:
                raise FileNotFoundError(2, "a bucket, not an object", path)
        return stat_file(path, self.stores)

    def walk(self, top: str, on_error: OnError) -> Iterator[Level]:
        """Like os.walk: every folder from `top` down, with the names of its folders and files. Folders that the caller removes are skipped."""
        if not is_uri(top):
            yield from os.walk(top, onerror=on_error)
            return
        self._list_whole(top)
        yield from self._walk(top)

    def is_pattern(self, path: str) -> bool:
        """Whether the path has characters of a glob, and no file or folder has exactly this name."""
        return glob.has_magic(path) and not (self.exists(path) if is_uri(path) else os.path.exists(path))

    def has_name_like(self, folder: str, pattern: str) -> bool:
        """Whether a name in the folder matches the pattern."""
        if not is_uri(folder):
            return bool(glob.glob(os.path.join(glob.escape(folder), pattern)))
        return any(fnmatchcase(name, pattern) for name in self.names_in(folder))

    def names_in(self, folder: str) -> list[str]:
        """The names of files and folders in a folder; none if the folder does not exist. Raises OSError."""
        if not is_uri(folder):
            return os.listdir(folder)
        names = self._names_in(folder)
        return [*names.folders, *names.files]

    def matches(self, pattern: str) -> Iterator[str]:
        """The absolute paths of all files and folders that match the pattern; ** matches folders of any depth."""
        if not is_uri(pattern):
            yield from map(os.path.abspath, glob.glob(pattern, recursive=True))
            return
        yield from dict.fromkeys(self._matching(bucket_of(pattern), location_of(pattern).key.split("/")))

    def _names_in(self, folder: str) -> _Names:
        """The names in a folder of a store."""
        if folder not in self._listed and not self._is_known(folder):
            store, key = store_of(folder, self.stores)
            folders, files = store.names_in(key)
            self._listed[folder] = _Names({one.rpartition("/")[2] for one in folders}, {one.rpartition("/")[2]: entry for one, entry in files})
        return self._listed.get(folder, _Names())

    def _walk(self, folder: str) -> Iterator[Level]:
        names = self._names_in(folder)
        folders = sorted(names.folders)
        yield folder, folders, sorted(names.files)
        for name in folders:
            yield from self._walk(join(folder, name))

    def _matching(self, folder: str, parts: list[str]) -> Iterator[str]:
        first, *rest = parts
        if first == "**":
            self._list_whole(folder)
            if rest:
                yield from self._matching(folder, rest)
            names = self._names_in(folder)
            yield from () if rest else (join(folder, name) for name in names.files if not name.startswith("."))
            for name in sorted(names.folders):
                if not name.startswith("."):
                    yield from () if rest else (join(folder, name),)
                    yield from self._matching(join(folder, name), parts)
        elif rest and not glob.has_magic(first):
            yield from self._matching(join(folder, first), rest)
        else:
            names = self._names_in(folder)
            for name in sorted(names.folders if rest else names.folders | names.files.keys()):
                if fnmatchcase(name, first) and (first.startswith(".") or not name.startswith(".")):
                    yield from self._matching(join(folder, name), rest) if rest else (join(folder, name),)

    def _list_whole(self, top: str) -> None:
        """Lists everything below the folder in one pass."""
        if self._is_known(top):
            return
        store, prefix = store_of(top, self.stores)
        bucket = bucket_of(top)
        for folder in [folder for folder in self._listed if is_below(folder, top)]:  # separate listings are not linked to their parents
            del self._listed[folder]
        for key, entry in store.entries_below(prefix):
            self._add(join(bucket, key), top).files[key.rpartition("/")[2]] = entry
        self._listed.setdefault(top, _Names())
        self._whole.add(top)

    def _add(self, path: str, top: str) -> _Names:
        """The names in the folder of this path. Adds the folders between it and `top`."""
        folder = parent_of(path)
        names = self._listed.get(folder)
        if names is None:
            names = self._listed[folder] = _Names()
            if folder != top and is_below(folder, top):
                self._add(folder, top).folders.add(folder.rpartition("/")[2])
        return names

    def _is_known(self, path: str) -> bool:
        return any(is_below(path, top) for top in self._whole)
