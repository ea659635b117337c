"""The folders in which the pictures are that the records name: tried near the logs, and kept where the files exist."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, zip_longest
from pathlib import Path, PurePosixPath

from pipelines.images.data_uri import is_data_uri
from pipelines.images.remote import scheme_of
from pipelines.images.resolve import local_path, with_prefix
from pipelines.records import Draft

MOST_REFS, MOST_PAIRS, MOST_FOLDERS, MOST_ROOTS = 200, 1000, 400, 4
LEVELS = 4  # folders above a log file


@dataclass(frozen=True, slots=True)
class Images:
    """`roots` are folders, `prefixes` parts of logged paths that are replaced. `found` of `named` pictures exist there.

    `repeats` are two files that one logged path names, each beside a log that has the path: no roots are right for both.
    """

    roots: tuple[str, ...] = ()
    prefixes: dict[str, str] = field(default_factory=dict)
    found: int = 0
    named: int = 0
    schemes: tuple[str, ...] = ()
    example: str = ""  # one that was not found
    repeats: tuple[str, ...] = ()

    def repeats_words(self) -> str:
        """
        >>> Images(repeats=("/logs/a/0.png", "/logs/b/0.png")).repeats_words().partition(" and ")[0]
        "the names of pictures repeat in several folders, for example '/logs/a/0.png'"
        """
        unique = os.path.relpath(self.repeats[0], os.path.commonpath(self.repeats))
        files = " and ".join(f"{file!a}" for file in self.repeats)
        mend = f"Write paths into the logs that are unique below one folder, such as {unique!a}, or absolute ones; or write a source for each folder"
        return f"the names of pictures repeat in several folders, for example {files}, so no single image_root is right. {mend}, with its own image_root"


def images_of(drafts: Sequence[Draft], files: Sequence[str]) -> Images:
    pairs = _pairs(drafts)
    refs = list(dict.fromkeys(ref for ref, _ in pairs))[:MOST_REFS]
    schemes = tuple(sorted({scheme for ref in refs if (scheme := scheme_of(ref)) and scheme != "file"}))
    local = {ref: path for ref in refs if not scheme_of(path := local_path(ref)) and ".." not in PurePosixPath(path.replace("\\", "/")).parts}
    paths = list(local.values())
    if not paths:
        return Images(named=len(refs), schemes=schemes)
    beside = [(local[ref], folder) for ref, folder in pairs if ref in local]
    parents = list(dict.fromkeys(os.path.dirname(file) for file in files))
    levels = [_images(paths, level) for level in _levels(parents[0], "")] if len(parents) == 1 else []  # the nearest first
    everywhere = _images(paths, list(_folders(files)))
    choices = [*(one for one in levels if one.found == len(paths) and not one.prefixes), everywhere, *(one for one in levels if one.found)]
    top = os.path.commonpath(parents)
    best = next((one for one in choices if not _repeats(beside, one, top)), Images(repeats=_repeats(beside, everywhere, top)))
    return replace(best, named=len(refs), schemes=schemes)


def _pairs(drafts: Sequence[Draft]) -> list[tuple[str, str]]:
    """(reference, folder of its log), in turn from every folder."""
    rows: dict[str, dict[str, None]] = {}
    for draft in drafts:
        row = rows.setdefault(os.path.dirname(draft.origin.path), {})
        row.update((ref.ref, None) for ref in draft.refs if not is_data_uri(ref.ref))
    turns = zip_longest(*([(ref, folder) for ref in row] for folder, row in rows.items()))
    return list(islice((pair for turn in turns for pair in turn if pair), MOST_PAIRS))


def _images(paths: Sequence[str], folders: Sequence[str]) -> Images:
    """The roots among these folders."""
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
    return Images(tuple(roots), prefixes, len(paths) - len(left), example=left[0] if left else "")


def _repeats(pairs: Sequence[tuple[str, str]], images: Images, top: str) -> tuple[str, ...]:
    """The file that a path names with these roots and the one beside its log, where they differ for any of these paths and folders of logs."""
    near: dict[str, list[list[str]]] = {}
    for path, folder in pairs:
        name = with_prefix(path, images.prefixes) or path
        places = [os.path.join(root, name) for root in images.roots]
        chosen = next((os.path.realpath(place) for place in places if os.path.isfile(place)), None)
        if chosen is None or os.path.isabs(name):
            continue
        if folder not in near:
            near[folder] = list(_levels(folder, top))
        for level in near[folder]:
            own = [os.path.realpath(os.path.join(inner, name)) for inner in level if os.path.isfile(os.path.join(inner, name))]
            if own and chosen not in own:
                return chosen, own[0]
            if own:
                break
    return ()


def _levels(folder: str, top: str) -> Iterator[list[str]]:
    """The folder of a log with those in it, then the one above with those in it, up to `top`."""
    for near in (Path(folder), *list(Path(folder).parents)[:LEVELS]):
        if len(near.parts) > 1:  # not the whole disk
            yield [str(near), *_folders_in(near)]
        if str(near) == top:
            return


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
