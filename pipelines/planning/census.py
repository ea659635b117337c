"""Which records are looked at: a first pass over the bytes counts all records and chooses, a second reads those that were chosen.

Each source gives its share of the sample, and at least LEAST records. Within a source the sample is uniform over the records, without those that repeat
the bytes of another: each record has a number that is made of the seed and of its place in the order of reading, and those with the smallest
numbers are chosen.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappush, heapreplace

from pipelines.config import Config
from pipelines.containers import read_records
from pipelines.containers.listing import InputFile
from pipelines.records import RawRecord
from pipelines.scrub import scrub_records

LEAST = 30  # records of each source, where it has them

Place = tuple[str, str, int]  # source, path, line


@dataclass(slots=True)
class Census:
    """What the first pass found. `records` counts those that differ in their bytes, by source, and `first` has the place of each by record_id;
    `duplicates` counts the others, and `damaged` are the rows of files that could not be read to their end. `chosen` is None if all records are."""

    records: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    damaged: list[RawRecord] = field(default_factory=list)
    first: dict[str, tuple[str, int]] = field(default_factory=dict)
    chosen: frozenset[Place] | None = None

    @property
    def sampled(self) -> int:
        return self.records.total() if self.chosen is None else len(self.chosen)


def distinct(files: Sequence[InputFile]) -> list[InputFile]:
    """Each file of a source once, sorted by path: of records with the same bytes, the one with the first place is then read first."""
    return sorted({(file.source, file.path): file for file in files}.values(), key=lambda file: (file.path, file.source))


def take_census(config: Config, inputs: Sequence[InputFile], sample: int | None, seed: int, on_read: Callable[[RawRecord], object]) -> Census:
    """Counts the records of these files and chooses `sample` of them, or all where it is None. `inputs` are as `distinct` returns them."""
    census = Census()
    smallest: dict[str, list[tuple[int, Place]]] = {}  # by source, a heap of (-number, place): the greatest number first
    for file in inputs:
        heap = smallest.setdefault(file.source, [])
        for raw in read_records(file, config.limits, config.stores):
            on_read(raw)
            if raw.origin.line == 0:
                census.damaged.append(raw)
            elif raw.record_id in census.first:
                census.duplicates += 1
            else:
                census.first[raw.record_id] = (file.path, raw.origin.line)
                if sample is not None:
                    _offer(heap, sample, number_of(seed, len(census.first)), (file.source, file.path, raw.origin.line))
                census.records[file.source] += 1
    if sample is not None and sample < census.records.total():
        census.chosen = frozenset(_chosen(census.records, smallest, sample))
    return census


def least_of(sample: int, sources: int) -> int:
    """How many records of each source are chosen at least, where it has them."""
    return max(2, min(LEAST, sample // sources))


def _chosen(records: Mapping[str, int], smallest: Mapping[str, list[tuple[int, Place]]], sample: int) -> Iterator[Place]:
    least = least_of(sample, len(records))
    for source, count in records.items():
        wanted = max(least, round(sample * count / sum(records.values())))
        yield from (place for _, place in sorted(smallest[source], reverse=True)[:wanted])


def chosen_records(config: Config, inputs: Sequence[InputFile], census: Census) -> Iterator[RawRecord]:
    """The chosen records of these files, scrubbed as the configuration says. A file that has changed since may lack some."""
    lines = _lines_by_file(census.chosen) if census.chosen is not None else None
    for file in inputs:
        wanted = None if lines is None else lines.get((file.source, file.path), frozenset())
        if wanted is None or wanted:
            yield from scrub_records(_read(config, file, wanted, census), config)


def _read(config: Config, file: InputFile, wanted: frozenset[int] | None, census: Census) -> Iterator[RawRecord]:
    left = -1 if wanted is None else len(wanted)
    for raw in read_records(file, config.limits, config.stores):
        if raw.origin.line in wanted if wanted is not None else census.first.get(raw.record_id) == (file.path, raw.origin.line):
            yield raw
            left -= 1
            if not left:
                return


def _lines_by_file(chosen: frozenset[Place]) -> Mapping[tuple[str, str], frozenset[int]]:
    lines: dict[tuple[str, str], set[int]] = {}
    for source, path, line in chosen:
        lines.setdefault((source, path), set()).add(line)
    return {file: frozenset(some) for file, some in lines.items()}


def number_of(seed: int, position: int) -> int:
    """The number by which the record at this position, from 1, is chosen: random, and the same each time."""
    return int.from_bytes(hashlib.blake2b(b"%d:%d" % (seed, position), digest_size=8).digest(), "big")


def _offer(smallest: list[tuple[int, Place]], most: int, number: int, place: Place) -> None:
    if len(smallest) < most:
        heappush(smallest, (-number, place))
    elif number < -smallest[0][0]:
        heapreplace(smallest, (-number, place))
