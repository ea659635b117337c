"""A folder of logs -> the parts of it that become sources: its sub-folders, if their records differ; and `{batch}` where names are dates."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import PurePosixPath

from pipelines.config.paths import BATCH
from pipelines.containers.listing import InputFile, Listing

MOST_PARTS = 12  # a folder with more sub-folders is one source
MOST_FOLDERS = 20  # with pictures of their own, that become sources
DATE = re.compile(r"(?<!\d)(?:19|20)\d\d([-_.]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])(?!\d)")
PACKED = (".gz", ".zst", ".bz2", ".xz")

Shape = Callable[[Sequence[InputFile]], Hashable]
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Files that become one source. `paths` are absolute, with {batch} where the files are named by `dates`, the oldest first.

    `below` are the sub-folders that make it a part of its folder. `is_rest`: the files beside these sub-folders. `own` is the one folder that its
    files are in, where the folders of a part became sources. `is_whole`: it cannot be split.
    """

    top: str
    paths: tuple[str, ...]
    files: tuple[InputFile, ...]
    dates: tuple[str, ...] = ()
    below: Names = ()
    is_rest: bool = False
    own: str = ""
    is_whole: bool = False

    @property
    def folder(self) -> str:
        """What the source is named after."""
        return self.own or "/".join((self.top, *self.below))

    @property
    def is_split(self) -> bool:
        return self.is_rest or bool(self.below)

    def files_of(self, batch: str | None) -> list[InputFile]:
        """The files of this date, or of any, if the part has no such date."""
        return [file for file in self.files if not self.dates or batch is None or batch in file.path]


def parts_of(top: str, listing: Listing, shape: Shape) -> list[Part]:
    """The parts of what was found at this absolute path, a file or a folder. `shape` says of which form the records of some files are.

    A table stays whole, and so do folders whose names are columns (`day=1`).
    """
    whole = Part(top, (top,), listing.files)
    if listing.tables or not listing.files or any(set(file.path) & set("{}=") or glob.has_magic(file.path) for file in listing.files):
        return [replace(whole, is_whole=True)]
    parts = [_with_paths(part) for part in _split(whole, 0, shape)]
    if any(_has(one.paths, file.path, "*") for one in parts for other in parts if one is not other for file in other.files):
        return [_with_paths(whole)]  # no paths have the files beside the sub-folders alone
    return parts


def batch_of(parts: Sequence[Part]) -> str | None:
    """The date that most parts have, the newest of several; None where no names are dates."""
    counts = Counter(day for part in parts for day in part.dates)
    return max(counts, key=lambda day: (counts[day], day)) if counts else None


def parts_by_folder(part: Part) -> list[Part]:
    """A part for each folder that has files of this one; none where it is one folder, too many, or no paths have the files of each folder alone."""
    groups: dict[str, list[InputFile]] = {}
    for file in part.files:
        groups.setdefault(os.path.dirname(file.path), []).append(file)
    if part.is_whole or part.is_rest or part.dates or not 1 < len(groups) <= MOST_FOLDERS:
        return []
    parts: list[Part] = []
    for folder, files in sorted(groups.items()):
        endings = sorted({_ending(os.path.basename(file.path)) for file in files})
        has_inner = any(other.startswith(f"{folder}/") for other in groups)
        paths = tuple(f"{folder}/*{ending}" for ending in endings) if has_inner else (folder,)
        parts.append(replace(part, paths=paths, files=tuple(files), own=folder))
    is_mixed = any(_has(one.paths, file.path, "*") for one in parts for other in parts if one is not other for file in other.files)
    return [] if is_mixed else parts


def _split(part: Part, depth: int, shape: Shape) -> list[Part]:
    """The part itself; or if its sub-folders at this depth differ, a part for each, and one for the files beside them."""
    groups: dict[str, list[InputFile]] = {}
    for file in part.files:
        names = [name for name in _names_below(file, part.top)[:-1] if not DATE.search(name)]
        groups.setdefault(names[depth] if depth < len(names) else "", []).append(file)
    if set(groups) == {""} or len(groups) > MOST_PARTS:
        return [part]
    if len(groups) == 1:
        return _split(part, depth + 1, shape)
    if len({shape(files) for files in groups.values()}) == 1:
        return [part]
    parts: list[Part] = []
    for name in sorted(groups, key=lambda name: (not name, name)):
        own = replace(part, files=tuple(groups[name]), below=(*part.below, name) if name else part.below, is_rest=not name)
        parts += _split(own, depth + 1, shape) if name else [own]
    return parts


def _names_below(file: InputFile, top: str) -> Names:
    """The names of folders and file below `top`; of a file that is `top`, its own."""
    return PurePosixPath(file.path).relative_to(top).parts or (os.path.basename(file.path),)


def _with_paths(part: Part) -> Part:
    """The part with the paths that have its files, and no others of its folder."""
    is_file = part.files[0].path == part.top
    # The folder that was given may itself be a date, and so may be the folder of a file that was given.
    home = os.path.dirname(os.path.dirname(part.top)) if is_file else os.path.dirname(part.top)
    rows = [PurePosixPath(file.path).relative_to(home).parts for file in part.files]
    for at in range(min(map(len, rows))):
        found = [DATE.search(row[at]) for row in rows]
        is_name = any(at == len(row) - 1 for row in rows)
        dates = [match[0] for match in found if match]
        if len(dates) < len(rows) or len(set(map(len, dates))) > 1 or (is_name and len({row[:-1] for row in rows}) > 1):
            continue
        dated = [tuple(name.replace(day, BATCH) for name in row) for row, day in zip(rows, dates, strict=True)]
        if not is_name and len({row[at] for row in dated}) > 1:
            continue
        paths = tuple(f"{home}/{path}".replace("//", "/") for path in _patterns(part, dated, at, is_name))
        if all(BATCH in path for path in paths) and all(_has(paths, file.path, day) for file, day in zip(part.files, dates, strict=True)):
            return replace(part, paths=paths, dates=tuple(sorted(set(dates))))
    if not part.is_split:
        return part
    paths = tuple(f"{home}/{path}".replace("//", "/") for path in _patterns(part, rows, 0, False))
    return replace(part, paths=paths)


def _patterns(part: Part, rows: Sequence[Names], at: int, is_name: bool) -> Iterator[str]:
    """The paths with these rows of names, down to the folder at `at` and those that make the part; or to the file's name at `at`."""
    if is_name:
        yield "/".join((*rows[0][:-1], _pattern_of([row[-1] for row in rows])))
        return
    end, left = at + 1, list(part.below)
    for place, name in enumerate(rows[0][:-1]):
        if left and name == left[0]:
            left.pop(0)
            end = max(end, place + 1)
    folder = [rows[0][i] if len({row[i] for row in rows}) == 1 else "*" for i in range(end)]
    endings = sorted({_ending(row[-1]) for row in rows})
    is_flat = all(len(row) == end + 1 for row in rows) and all(endings)
    if is_flat and (part.is_rest or (BATCH in folder[-1] and len(endings) == 1)):
        yield from ("/".join((*folder, f"*{ending}")) for ending in endings)
    else:
        yield "/".join(folder)


def _pattern_of(names: Sequence[str]) -> str:
    """
    >>> _pattern_of(["chat-{batch}.jsonl"]), _pattern_of(["{batch}-0.jsonl", "{batch}-1.jsonl"])
    ('chat-{batch}.jsonl', '{batch}-*.jsonl')
    """
    if len(set(names)) == 1:
        return names[0]
    start = _common_start(names)
    end = _common_start([name[len(start) :][::-1] for name in names])[::-1]
    return f"{start}*{end}"


def _common_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    return first[: next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))]


def _ending(name: str) -> str:
    """
    >>> _ending("a.b.jsonl.gz"), _ending("a.jsonl"), _ending("a")
    ('.jsonl.gz', '.jsonl', '')
    """
    stem, last = os.path.splitext(name)
    return os.path.splitext(stem)[1] + last if last in PACKED else last


def _has(paths: Sequence[str], file: str, day: str) -> bool:
    """Whether one of these paths has the file on this day, or `*`, on any."""
    return any(_expression(path, day).fullmatch(file) for path in paths)


@lru_cache(maxsize=1024)
def _expression(path: str, day: str) -> re.Pattern[str]:
    """What a file's path is like that this path of a source has: a `*` is part of one name, and everything in a folder belongs to it."""
    return re.compile(re.escape(path.replace(BATCH, day)).replace(r"\*", "[^/]*") + "(?:/.*)?", re.S)
