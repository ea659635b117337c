"""Keys that nothing reads, counted by source and place ("turn.thought"). The most frequent are listed; of the others only their number is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.reasons import Reason
from pipelines.visible import one_line

KEPT = 4096  # keys; where a log uses data as keys, their number has no limit
LONGEST = 200  # characters of a key
MOST_SHOWN = 5  # of a source, in the summary

OpenFile = Callable[[str], BinaryIO]
Counts = Counter[tuple[str, str]]  # by (source, key)


def shown_key(key: str) -> str:
    """The key as it is shown and stored; a key that is too long for a person to have written is cut."""
    return one_line(key, LONGEST)


def trim(counts: Counts, more: Counter[str], most: int | None = None) -> None:
    """Keeps the most frequent keys once there are more than `most` (by default twice what is kept); `more` counts the others by source.

    A key that is dropped and seen again is counted again, so `more` is an upper bound.
    """
    if len(counts) <= (2 * KEPT if most is None else most):
        return
    for key, _ in in_order(counts)[KEPT:]:
        del counts[key]
        more[key[0]] += 1


def in_order(counts: Mapping[tuple[str, str], int]) -> list[tuple[tuple[str, str], int]]:
    """The items, the most frequent first."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def unread_facts(counts: Counts, more: Counter[str]) -> dict[str, Any]:
    """For the manifest: `unread` lists keys with their counts, `unread_more` says by source how many keys are not listed."""
    counts, more = Counter(counts), Counter(more)
    trim(counts, more, KEPT)
    return {"unread": [{"source": source, "key": key, "count": count} for (source, key), count in in_order(counts)], "unread_more": dict(sorted(more.items()))}


def counts_of(manifest: Mapping[str, Any]) -> tuple[Counts, Counter[str]]:
    """The counts in a manifest; empty for a manifest of an earlier version, which has none."""
    rows = manifest.get("unread") or []
    return Counter({(row["source"], row["key"]): row["count"] for row in rows}), Counter(manifest.get("unread_more") or {})


def number_of_keys(manifest: Mapping[str, Any]) -> int | None:
    """Distinct keys of all sources; None where the manifest does not say."""
    return None if manifest.get("unread") is None else len(manifest["unread"]) + sum((manifest.get("unread_more") or {}).values())


def by_source(manifest: Mapping[str, Any]) -> dict[str, tuple[list[tuple[str, int]], int]]:
    """Source -> its keys, the most frequent first, and how many more are not listed."""
    counts, more = counts_of(manifest)
    found: dict[str, list[tuple[str, int]]] = {}
    for (source, key), count in in_order(counts):
        found.setdefault(source, []).append((key, count))
    return {source: (found.get(source, []), more[source]) for source in sorted({*found, *more})}


def add(counts: Counts, source: str, keys: Iterable[tuple[str, int]]) -> None:
    """Counts the keys of one record."""
    for key, count in keys:
        counts[(source, shown_key(key))] += count


def count_unread(counts: Counts, more: Counter[str], drafts: pa.Table, quarantine: Sequence[str], open_file: OpenFile) -> None:
    """Counts the keys of these drafts (source, path, line, row, unread), except those of duplicates, which the `quarantine` files name."""
    if not pc.sum(pc.list_value_length(drafts["unread"])).as_py():
        return
    duplicates = _duplicates(quarantine, open_file)
    if len(duplicates):  # a join cannot carry list columns
        own = drafts.select([*duplicates.column_names, "row"]).join(duplicates, duplicates.column_names, join_type="left anti")
        drafts = drafts.filter(pc.is_in(drafts["row"], own["row"].combine_chunks()))
    keys = pc.list_flatten(drafts["unread"])
    sources = drafts["source"].take(pc.list_parent_indices(drafts["unread"]))
    table = pa.table({"source": sources, "key": pc.struct_field(keys, "key"), "count": pc.struct_field(keys, "count")})
    summed = table.group_by(["source", "key"]).aggregate([("count", "sum")])
    frequent = summed.take(pc.select_k_unstable(summed, KEPT, [("count_sum", "descending"), ("source", "ascending"), ("key", "ascending")]))
    for source, key, count in zip(*(frequent[name].to_pylist() for name in ("source", "key", "count_sum")), strict=True):
        counts[(source, key)] += count
    more.update(_keys_by_source(summed) - _keys_by_source(frequent))
    trim(counts, more)


def _keys_by_source(table: pa.Table) -> Counter[str]:
    found = table.group_by("source").aggregate([([], "count_all")])
    return Counter(dict(zip(found["source"].to_pylist(), found["count_all"].to_pylist(), strict=True)))


def _duplicates(quarantine: Sequence[str], open_file: OpenFile) -> pa.Table:
    """The places of the duplicates."""
    names = ["source", "path", "line"]
    found = []
    for path in quarantine:
        with open_file(path) as source, pq.ParquetFile(source) as file:
            rows = file.read(columns=["origin.source", "origin.path", "origin.line", "reason"], use_threads=False)
        rows = rows.filter(pc.equal(rows["reason"], Reason.RECORD_DUPLICATE.code))
        found.append(pa.table({name: pc.struct_field(rows["origin"], name) for name in names}))
    return pa.concat_tables(found) if found else pa.table({})
