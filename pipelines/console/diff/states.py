"""The records that changed their state between two runs."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.console.diff.side import Side
from pipelines.ledger.books import ASIDE
from pipelines.reasons import Reason
from pipelines.tables.reading import open_files

KEY = ["record_id", "dialect"]
# Of a record with several conversations the worst state counts: these begin the states, so that the greatest is the worst.
GOOD, MENDED, BAD = "0", "1", "2"


class Change(NamedTuple):
    """So many records; `dialect` is "" for the state of the record itself. The place is that of the first of them, in B."""

    dialect: str
    before: str
    after: str
    records: int
    record_id: str
    path: str
    line: int


class Changes(NamedTuple):
    both: int
    only_a: int
    only_b: int
    changed: list[Change]  # most records first


def changes_between(a: Side, b: Side) -> Changes:
    """Of the records that differ in their bytes: a duplicate has the state of the record that was kept."""
    before, after = states_of(a), states_of(b)
    ids = [table.filter(pc.and_(pc.equal(table["dialect"], ""), pc.greater(table["line"], 0))).select(["record_id"]) for table in (before, after)]
    both = ids[0].join(ids[1], "record_id", join_type="inner")
    joined = before.select([*KEY, "state"]).join(after, KEY, join_type="inner", left_suffix="_a", right_suffix="_b")
    moved = joined.filter(pc.not_equal(joined["state_a"], joined["state_b"]))
    groups: dict[tuple[str, str, str], list[tuple[str, int, str]]] = {}
    for row in moved.to_pylist():
        groups.setdefault((row["dialect"], row["state_a"][1:], row["state_b"][1:]), []).append((row["path"], row["line"], row["record_id"]))
    changed = [Change(*key, len(places), min(places)[2], *min(places)[:2]) for key, places in groups.items()]
    return Changes(len(both), len(ids[0]) - len(both), len(ids[1]) - len(both), sorted(changed, key=lambda one: (-one.records, one)))


def states_of(side: Side) -> pa.Table:
    """Per record and dialect, "" for the record itself: the worst state and the first place."""
    conversations = _read(side, "conversations", [])
    samples = _read(side, "samples", ["dialect", "repairs"])
    aside = _read(side, "quarantine", ["dialect", "reason"])
    aside = aside.filter(pc.not_equal(aside["reason"], Reason.RECORD_DUPLICATE.code))
    is_repaired = pc.greater(pc.list_value_length(samples["repairs"]), 0)
    parts = [
        _part(conversations, pa.repeat("", len(conversations)), pa.repeat(GOOD + "conversation", len(conversations))),
        _part(samples, samples["dialect"], pc.if_else(is_repaired, MENDED + "repaired", GOOD + "clean")),
        _part(aside, pc.fill_null(aside["dialect"], ""), _states(aside["reason"])),
    ]
    whole = pa.concat_tables(parts)
    found = whole.group_by(KEY).aggregate([("state", "max"), ("path", "min"), ("line", "min")])
    return found.rename_columns({"state_max": "state", "path_min": "path", "line_min": "line"})


def _states(reasons: pa.ChunkedArray) -> pa.ChunkedArray:
    """The states of rows of quarantine."""
    found = pc.binary_join_element_wise(BAD + "quarantined", reasons, ": ")
    for reason, state in ASIDE.items():
        found = pc.if_else(pc.equal(reasons, reason), GOOD + state, found)
    return found


def _read(side: Side, table: str, columns: list[str]) -> pa.Table:
    import pyarrow.dataset as ds

    files = open_files(side.published.root, table, [file.path for file in side.published.files(table, batch=side.batch)], side.published.fs)
    wanted = {name: ds.field(name) for name in ("record_id", *columns)} | {name: ds.field("origin", name) for name in ("path", "line")}
    return files.to_table(columns=wanted)


def _part(rows: pa.Table, dialect: pa.Array, state: pa.Array) -> pa.Table:
    columns = {"record_id": rows["record_id"], "dialect": dialect, "state": state, "path": rows["path"], "line": rows["line"]}
    return pa.table({name: pc.cast(column, pa.int64() if name == "line" else pa.string()) for name, column in columns.items()})
