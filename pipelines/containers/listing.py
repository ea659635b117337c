"""The input files of a source when the run begins, and the files among them that are not read."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pipelines.config import ConfigError, Source
from pipelines.containers.delta import LOG, LiveFiles, live_files
from pipelines.containers.partitions import columns_of, fixed_part
from pipelines.containers.passed_over import HIDDEN, OF_A_DATASET, is_hidden, is_of_a_dataset, why_passed_over
from pipelines.containers.rows import json_bytes


@dataclass(frozen=True, slots=True)
class InputFile:
    """`modified` in ns since 1970, as the file system has it; `size` is -1 if the file could not be opened.

    `columns` is a JSON object: the columns that its folders or its Delta table add to the rows of this Parquet or Arrow file.
    """

    source: str
    path: str
    size: int
    modified: int
    columns: str = "{}"


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file of a source that is not read, and why; or a folder that was not searched."""

    source: str
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class DeltaSource:
    """A Delta table that was read, and at which version."""

    source: str
    path: str
    version: int


@dataclass(frozen=True, slots=True)
class Listing:
    files: tuple[InputFile, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    tables: tuple[DeltaSource, ...] = ()

    def __add__(self, other: Listing) -> Listing:
        return Listing(self.files + other.files, self.passed_over + other.passed_over, self.tables + other.tables)


def list_inputs(source: Source, batch: str | None, paths: Sequence[str] | None = None) -> Listing:
    """Every input file of the source, or of these `paths` under it, each once, sorted by path.

    A folder gives every file in it and in its subfolders, and so does a folder that a glob matches: logs are read, all other files are passed
    over and named. A file that a path names is read whatever its name. Of a Delta table, the files of its newest version are read. A file
    that was deleted since, or a broken link, is listed too: reading it reports what happened. A glob may match nothing. Raises
    FileNotFoundError if a plain path does not exist, and ConfigError if a Delta table cannot be read.
    """
    found = _Found(source.name)
    for pattern in [pattern.replace("{batch}", batch or "") for pattern in source.path] if paths is None else paths:
        _expand(pattern, found)
    files = tuple(input_file(path, source, found.table_of(path)) for path in sorted(found.files))
    passed = tuple(PassedOver(source.name, path, found.passed_over[path]) for path in sorted(found.passed_over) if path not in found.files)
    tables = tuple(DeltaSource(source.name, table.folder, table.version) for table in found.read_tables())
    return Listing(files, passed, tables)


def input_file(path: str, source: Source, table: LiveFiles | None = None) -> InputFile:
    """The file as it is now, with the columns of its folders, or those of its Delta table."""
    path = os.path.abspath(path)
    columns = columns_of(path, source.path) | ((table.columns.get(path) or {}) if table else {})
    text = json_bytes(columns).decode() if columns else "{}"
    try:
        stat = os.stat(path)
    except OSError:
        return InputFile(source.name, path, -1, 0, text)
    return InputFile(source.name, path, stat.st_size, stat.st_mtime_ns, text)


def listed_ways(path: str, source: str) -> Iterator[InputFile]:
    """Every way in which a source may have listed the file, if its own path is not known: without columns, with those of its folders, or with
    those of its Delta table."""
    with suppress(ConfigError):
        named = Source(name=source, path=("/",))
        yield input_file(path, named, _Found(source).table_of(path))
    above = path
    while (above := os.path.dirname(above)) not in ("/", ""):
        yield input_file(path, Source(name=source, path=(above,)))


@dataclass(slots=True)
class _Found:
    """What was found at the paths of one source."""

    source: str
    files: set[str] = field(default_factory=set)
    passed_over: dict[str, str] = field(default_factory=dict)
    _tables: dict[str, LiveFiles | None] = field(default_factory=dict)  # folder -> the table that its files belong to

    def table_of(self, path: str) -> LiveFiles | None:
        return self.table_at(os.path.dirname(path))

    def table_at(self, folder: str) -> LiveFiles | None:
        """The Delta table whose folder this is, or that contains this folder."""
        if folder not in self._tables:
            above = os.path.dirname(folder)
            if os.path.isdir(os.path.join(folder, LOG)):
                self._tables[folder] = live_files(folder, self.source)
            else:
                self._tables[folder] = self.table_at(above) if above != folder else None
        return self._tables[folder]

    def read_tables(self) -> list[LiveFiles]:
        read = {id(table): table for path in self.files if (table := self.table_of(path))}
        looked_into = {id(table): table for folder, table in self._tables.items() if table and table.folder == folder and not table.columns}
        return sorted((read | looked_into).values(), key=lambda table: table.folder)

    def add(self, path: str, why: str | None) -> None:
        """Adds a file that was found in a folder or by a glob; `why` says why it would be passed over."""
        if LOG in path.split("/"):
            return  # the log of the table, which was read already
        table = self.table_of(path)
        if table and path not in table.columns:
            why = f"not in version {table.version} of the Delta table {table.folder}"
        elif table:
            why = None
        if why is None:
            self.files.add(path)
        else:
            self.passed_over[path] = why


def _expand(pattern: str, found: _Found) -> None:
    if os.path.isdir(pattern):
        _walk(os.path.abspath(pattern), found)
    elif glob.has_magic(pattern) and not os.path.exists(pattern):
        for path in map(os.path.abspath, glob.glob(pattern, recursive=True)):
            _add_matched(path, pattern, found)
    elif os.path.lexists(pattern):
        found.files.add(os.path.abspath(pattern))
    else:
        raise FileNotFoundError(f"source {found.source}: no such file or folder: {pattern}")


def _add_matched(path: str, pattern: str, found: _Found) -> None:
    """Adds a file or folder that a glob matches. A glob such as `*.log` names files; any other finds files as a folder does."""
    names_files = re.search(r"[^*?\]/]$", pattern) is not None
    hidden = any(map(is_hidden, os.path.relpath(path, fixed_part(os.path.abspath(pattern))).split("/"))) and not names_files
    if os.path.isdir(path):
        if not hidden:
            _walk(path, found)
        elif os.path.basename(path) != LOG:
            found.passed_over[path] = HIDDEN
    elif names_files:
        found.add(path, OF_A_DATASET if is_of_a_dataset(path) else None)
    else:
        found.add(path, HIDDEN if hidden else why_passed_over(path))


def _walk(top: str, found: _Found) -> None:
    """Adds every file in the folder and its subfolders. Hidden folders are not searched, and links to folders are not followed; both are named."""
    for path, why in _files_below(top, found):
        found.add(path, why)


def _files_below(top: str, found: _Found) -> Iterator[tuple[str, str | None]]:
    def unlisted(error: OSError) -> None:
        found.passed_over[str(error.filename)] = f"the folder cannot be listed: {error.strerror}"

    for folder, folders, names in os.walk(top, onerror=unlisted):
        _refuse_unread_table(folder, folders, found.source)
        table = found.table_at(folder)
        if table and folder in (table.folder, top):  # a file in the log that does not exist is listed too: reading it says so
            yield from ((path, None) for path in table.columns if os.path.commonpath((path, top)) == top)
        for name in list(folders):
            path = os.path.join(folder, name)
            if is_hidden(name) or os.path.islink(path):
                folders.remove(name)
                if name != LOG:
                    found.passed_over[path] = "a link to a folder" if os.path.islink(path) else HIDDEN
        for name in names:
            path = os.path.join(folder, name)
            yield path, why_passed_over(path) if table is None else None


def _refuse_unread_table(folder: str, folders: Sequence[str], source: str) -> None:
    """Raises ConfigError for Iceberg and Hudi tables. Their folders keep replaced files, as those of Delta do: reading all would bring replaced rows back."""
    kind = "a Hudi table" if ".hoodie" in folders else None
    if "metadata" in folders and glob.glob(os.path.join(glob.escape(folder), "metadata", "*.metadata.json")):
        kind = "an Iceberg table"
    if kind:
        raise ConfigError([f"source {source}: {folder} is {kind}, which cannot be read; export it as Parquet, and use that folder"])
