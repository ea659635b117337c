"""The folders in which the pictures are that the records name: tried near the logs, and kept where the files exist."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pipelines.images.data_uri import is_data_uri
from pipelines.images.remote import scheme_of
from pipelines.images.resolve import local_path
from pipelines.records import Draft

MOST_REFS, MOST_FOLDERS, MOST_ROOTS = 200, 400, 4
LEVELS = 4  # folders above a log file


@dataclass(frozen=True, slots=True)
class Images:
    """`roots` are folders, `prefixes` parts of logged paths that are replaced. `found` of `named` pictures exist there."""

    roots: tuple[str, ...] = ()
    prefixes: dict[str, str] = field(default_factory=dict)
    found: int = 0
    named: int = 0
    schemes: tuple[str, ...] = ()
    example: str = ""  # one that was not found


def images_of(drafts: Sequence[Draft], files: Sequence[str]) -> Images:
    refs = list(dict.fromkeys(ref.ref for draft in drafts for ref in draft.refs if not is_data_uri(ref.ref)))[:MOST_REFS]
    schemes = tuple(sorted({scheme for ref in refs if (scheme := scheme_of(ref)) and scheme != "file"}))
    paths = [path for ref in refs if not scheme_of(path := local_path(ref)) and ".." not in PurePosixPath(path.replace("\\", "/")).parts]
    if not paths:
        return Images(named=len(refs), schemes=schemes)
    folders = list(_folders(files))
    roots: list[str] = []
    prefixes: dict[str, str] = {}
    left = list(paths)
    while left and len(roots) < MOST_ROOTS:
        best = _best(left, folders)
        if best is None:
            break
        root, prefix, reached = best
        roots += [root] if root not in roots else []
        if prefix:
            prefixes[prefix] = "."
        left = [path for path in left if path not in reached]
    return Images(tuple(roots), prefixes, len(paths) - len(left), len(refs), schemes, left[0] if left else "")


def _best(paths: Sequence[str], folders: Sequence[str]) -> tuple[str, str, set[str]] | None:
    """(folder, logged prefix to replace, or "", and the paths that exist then) with most paths."""
    ways: Counter[tuple[str, str]] = Counter()
    reached: dict[tuple[str, str], set[str]] = {}
    for path in paths:
        for way in ways_to(path, folders):
            ways[way] += 1
            reached.setdefault(way, set()).add(path)
    if not ways:
        return None
    most = max(ways.values())
    way = min((way for way, count in ways.items() if count == most), key=lambda way: (len(way[1]), -len(way[0]), way))
    return (*way, reached[way])


def ways_to(path: str, folders: Sequence[str]) -> Iterator[tuple[str, str]]:
    """How a logged path may reach a file: below a folder as it is, as an absolute path, or without its first folders."""
    clean = PurePosixPath(path.replace("\\", "/"))
    if clean.is_absolute():
        if os.path.isfile(clean):
            yield str(clean.parent), ""
            yield from ((folder, "") for folder in folders if clean.is_relative_to(folder))
            return
    else:
        whole = [folder for folder in folders if os.path.isfile(os.path.join(folder, clean))]
        if whole:
            yield from ((folder, "") for folder in whole)
            return
    parts = clean.parts
    for cut in range(1, len(parts)):
        rest = PurePosixPath(*parts[cut:])
        hits = [folder for folder in folders if os.path.isfile(os.path.join(folder, rest))]
        if hits:
            prefix = str(PurePosixPath(*parts[:cut]))
            yield from ((folder, prefix) for folder in hits)
            return


def _folders(files: Sequence[str]) -> Iterator[str]:
    """Folders near the logs: those of the files, those above, and those beside them."""
    seen: dict[str, None] = {}
    for parent in dict.fromkeys(Path(file).parent for file in files):
        for near in (parent, *list(parent.parents)[:LEVELS]):
            if len(near.parts) > 1:  # not the whole disk
                seen.setdefault(str(near))
                for inner in _folders_in(near):
                    seen.setdefault(inner)
        if len(seen) > MOST_FOLDERS:
            break
    yield from list(seen)[:MOST_FOLDERS]


def _folders_in(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.path for entry in entries if entry.is_dir() and not entry.name.startswith("."))[:100]
    except OSError:
        return []
