"""The input files of two runs, paired, and their records by source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pipelines.console.diff.side import Side
from pipelines.visible import counted, one_line

MOST_FILES = 10
MOST_PATH = 400  # characters
COUNTED = ("records", "kept", "quarantined", "duplicates", "filtered", "superseded", "damaged")
NONE = dict.fromkeys(COUNTED, 0)

Row = Mapping[str, Any]


class Pair(NamedTuple):
    """A file of A and the one of B that has the same path, but for the name of its batch; None where only one of them has it. `path` has `{batch}` there."""

    source: str
    path: str
    a: Row | None
    b: Row | None

    def counts(self) -> dict[str, list[int]]:
        a, b = counts_of(self.a), counts_of(self.b)
        return {name: [a[name], b[name]] for name in COUNTED}

    def difference(self) -> int:
        """How many records are in another state, or only in one of the files."""
        return sum(abs(after - before) for before, after in self.counts().values())

    def is_changed(self) -> bool:
        """Whether it is one file that has other bytes now. Those of another batch have them anyway."""
        return self.a is not None and self.b is not None and self.a["path"] == self.b["path"] and self.a["sha256"] != self.b["sha256"]


def counts_of(file: Row | None) -> dict[str, int]:
    """The records of a file by state. An older version counted conversations only."""
    if file is None:
        return NONE
    return {name: int(file.get(name) or (file.get("conversations") if name == "kept" else 0) or 0) for name in COUNTED}


def pairs_of(a: Side, b: Side) -> list[Pair]:
    """All files, those with the greatest difference first."""
    names = (a.batch, b.batch) if a.batch != b.batch else (None, None)
    old, new = ({(file["source"], general_path(file["path"], name)): file for file in one.files} for one, name in zip((a, b), names, strict=True))
    pairs = [Pair(*key, old.get(key), new.get(key)) for key in old.keys() | new.keys()]
    return sorted(pairs, key=lambda pair: (-pair.difference(), pair.source, pair.path))


def general_path(path: str, batch: str | None) -> str:
    """The path with `{batch}` for the name of its batch, where that is no part of a longer number or word: batch 1 is not in part-11."""
    return path if batch is None else re.sub(rf"(?<![^\W_]){re.escape(batch)}(?![^\W_])", "{batch}", path)


def by_source(pairs: Sequence[Pair]) -> dict[str, dict[str, list[int]]]:
    """Source -> state -> [records in A, records in B]."""
    found: dict[str, dict[str, list[int]]] = {}
    for pair in sorted(pairs):
        own = found.setdefault(pair.source, {name: [0, 0] for name in COUNTED})
        for name, (before, after) in pair.counts().items():
            own[name] = [own[name][0] + before, own[name][1] + after]
    return found


def file_lists(pairs: Sequence[Pair]) -> dict[str, list[str]]:
    return {
        "only_in_A": sorted(pair.a["path"] for pair in pairs if pair.a is not None and pair.b is None),
        "only_in_B": sorted(pair.b["path"] for pair in pairs if pair.b is not None and pair.a is None),
        "changed": sorted(pair.path for pair in pairs if pair.is_changed()),
    }


def file_lines(pairs: Sequence[Pair]) -> Iterator[str]:
    """How many files there are of each kind, and the first MOST_FILES of those whose records differ most."""
    lists = file_lists(pairs)
    both = sum(pair.a is not None and pair.b is not None for pair in pairs)
    yield f"input files: {both:,} in both, " + ", ".join(f"{len(paths):,} {kind.replace('_', ' ')}" for kind, paths in lists.items())
    differ = [pair for pair in pairs if pair.difference() or pair.is_changed() or pair.a is None or pair.b is None]
    for pair in differ[:MOST_FILES]:
        yield f"  {one_line(pair.path, MOST_PATH)}: {_words(pair)}"
    if len(differ) > MOST_FILES:
        yield f"  and {counted(len(differ) - MOST_FILES, 'more file')} that differ{'s' if len(differ) == MOST_FILES + 1 else ''} less"
    if len(pairs) > len(differ):
        yield f"  {counted(len(pairs) - len(differ), 'file')} with the same counts"


def _words(pair: Pair) -> str:
    if pair.a is None or pair.b is None:
        side, file = ("B", pair.b) if pair.a is None else ("A", pair.a)
        counts = counts_of(file)
        quarantined = f", {counts['quarantined']:,} quarantined" if counts["quarantined"] else ""
        return f"only in {side}, {counted(counts['records'], 'record')}{quarantined}"
    moved = [f"{name} {before:,} -> {after:,}" for name, (before, after) in pair.counts().items() if before != after]
    return ", ".join([*(["changed"] if pair.is_changed() else []), *moved])
