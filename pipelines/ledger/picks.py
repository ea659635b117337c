"""The rows that a report shows: examples of each reason, rows of each dialect and split, and whole episodes."""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby, islice
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.tables.writing import partition_values

EXAMPLES = 3  # per reason
PLACE = ["path", "line", "row_min"]
CARDS = 1  # per dialect and split
MOST_ID = 200  # characters
EPISODES, STEPS = 3, 12  # of a source, and of each of these episodes


class StagedFile(NamedTuple):
    """A staged file: its table, its partition (a=b/c=d) and its path."""

    table: str
    partition: str
    path: str


class Pick(NamedTuple):
    """A row that the report may show; the least `order` comes first."""

    order: tuple[Any, ...]
    table: str
    partition: str
    path: str
    row: int


def pick_examples(into: dict[str, list[Pick]], rows: pa.Table, staged: StagedFile) -> None:
    """Keeps rows of each code: the first by place of each of the first files, and then those after it."""
    for code in pc.unique(rows["code"]).to_pylist():
        found = rows.filter(pc.equal(rows["code"], code)).group_by(["path", "line"]).aggregate([("row", "min")])
        paths = pc.unique(found["path"])
        first = _least(found, PLACE, EXAMPLES)
        if len(paths) > 1:
            for path in sorted(paths.to_pylist())[:EXAMPLES]:
                first += _least(found.filter(pc.equal(found["path"], path)), PLACE, 1)
        picks = [Pick((path, line), *staged, row) for path, line, row in first]
        into[code] = from_different_files([*into.get(code, ()), *picks])


def from_different_files(picks: Iterable[Pick]) -> list[Pick]:
    """At most EXAMPLES of these, each of another record: the first of each file before the second of any. The first of all, by place, stays the first.

    It does not matter whether picks are added up at once or in parts.
    """
    seen: Counter[str] = Counter()
    ranked: list[tuple[int, Pick]] = []
    for _, same_record in groupby(sorted(set(picks)), key=lambda pick: pick.order):
        pick = next(same_record)
        ranked.append((seen[pick.order[0]], pick))
        seen[pick.order[0]] += 1
    return [pick for _, pick in sorted(ranked)[:EXAMPLES]]


def pick_cards(into: dict[str, list[Pick]], rows: pa.Table, staged: StagedFile) -> None:
    """Keeps rows of each split of a dialect, as good as at random: ids are hashes, and those are taken that follow the hash of the batch's name."""
    partition = partition_values(staged.partition)
    start = hashlib.sha256(partition["batch"].encode()).hexdigest()[:32]
    is_before = pc.less(rows["sample_id"], start).cast(pa.int8())
    first = _least(rows.select(["sample_id", "row"]).append_column("before", is_before), ["before", "sample_id", "row"], CARDS)
    key = f"{partition['dialect']}/{partition['split']}"
    picks = [Pick((before, sample_id), *staged, row) for before, sample_id, row in first]
    into[key] = sorted([*into.get(key, ()), *picks])[:CARDS]


def pick_episodes(into: dict[str, list[Pick]], rows: pa.Table, staged: StagedFile) -> None:
    """Keeps the first steps of a few episodes of each source, chosen as cards are. Only conversations with pictures and a step id are steps."""
    has_steps = pc.and_(pc.is_valid(rows["step_id"]), pc.greater(pc.list_value_length(rows["images"]), 0))
    rows = rows.filter(has_steps)
    if not len(rows):
        return
    start = zlib.crc32(partition_values(staged.partition)["batch"].encode())
    by_id = {episode: _shuffled(start, episode) for episode in pc.unique(rows["episode_id"]).to_pylist()}
    for source in pc.unique(rows["source"]).to_pylist():
        own = rows.filter(pc.equal(rows["source"], source))
        chosen = sorted(pc.unique(own["episode_id"]).to_pylist(), key=by_id.__getitem__)[:EPISODES]
        steps = own.filter(pc.is_in(own["episode_id"], pa.array(chosen))).select(["episode_id", "step_id", "row"]).to_pylist()
        picks = [Pick((by_id[row["episode_id"]], *step_order(row["step_id"])), *staged, row["row"]) for row in steps]
        into[source] = of_few_episodes([*into.get(source, ()), *picks])


def of_few_episodes(picks: Iterable[Pick]) -> list[Pick]:
    """The first STEPS steps of each of the first EPISODES episodes."""
    groups = groupby(sorted(picks), key=lambda pick: pick.order[0])
    return [pick for _, group in islice(groups, EPISODES) for pick in islice(group, STEPS)]


def longest_episode(picks: Sequence[Pick]) -> list[Pick]:
    """The steps of the episode of which there are most; the first of several."""
    groups = [list(group) for _, group in groupby(picks, key=lambda pick: pick.order[0])]
    return max(groups, key=len, default=[])


def step_order(step_id: str | None) -> tuple[int, str]:
    """Sorts step 10 after step 9.

    >>> sorted(["10", "9", "b"], key=step_order)
    ['9', '10', 'b']
    """
    text = step_id or ""
    return (int(text) if text.isdecimal() and len(text) < 19 else 1 << 62, text)


def _shuffled(start: int, text: str) -> str:
    """Sorts ids as good as by chance. A checksum is enough for that, and is quick for a million ids."""
    return f"{zlib.crc32(text.encode('utf-8', 'replace'), start):08x} {text[:MOST_ID]}"


def _least(table: pa.Table, order: Sequence[str], most: int) -> list[tuple[Any, ...]]:
    least = table.take(pc.select_k_unstable(table, most, [(name, "ascending") for name in order]))
    return list(zip(*(least[name].to_pylist() for name in order), strict=True))
