"""What the records were lost to: by source, file and reason, in the unit of the gate `max_quarantined`.

The unit is a record. One that was quarantined counts as 1; a conversation that every dialect has refused that takes its source counts as its
share of its record: a sixth, if the record has six. What only some dialects have refused is counted apart: no share of the gate has it, but
the gate of a reason does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.ledger.books import ASIDE

RECORD = ["source", "path", "line"]
UNIT = [*RECORD, "sample_id"]
Blame = Counter[tuple[Any, ...]]  # (source, path, reason, whether it was lost and not only refused by some dialects) -> records, some in part


class Lost(NamedTuple):
    """`conversations` are those that every dialect refused, by source and file, and `records` what they count as."""

    blame: Blame
    conversations: Counter[tuple[Any, ...]]
    records: Counter[tuple[Any, ...]]


def blame_of(rows: Sequence[pa.Table], takers: Mapping[str, Sequence[str]], several: pa.Table | None = None) -> Lost:
    """What was lost, from all quarantined rows of some records.

    `rows` have the columns of UNIT, `dialect` and `reason`; `takers`: source -> the dialects that take it; `several`: RECORD and
    `conversations`, the number of them, of the records that have more than one.
    """
    table = pa.concat_tables(rows)
    table = table.filter(pc.invert(pc.is_in(table["reason"], pa.array(list(ASIDE)))))
    offered = table.filter(pc.is_valid(table["dialect"]))
    refusals = offered.group_by(UNIT).aggregate([([], "count_all")])
    wanted = pa.array([len(takers.get(source, ())) for source in refusals["source"].to_pylist()], pa.int64())
    refused = _weighed(refusals.filter(pc.equal(refusals["count_all"], wanted)).select(UNIT), several)
    everywhere = pc.is_in(table["sample_id"], refused["sample_id"].combine_chunks())
    lost = pc.or_(pc.is_null(table["dialect"]), everywhere)
    units = table.append_column("lost", lost).select([*UNIT, "reason", "lost"])
    units = _weighed(units.group_by(units.column_names).aggregate([]), several)
    conversations = refused.group_by(["source", "path"]).aggregate([([], "count_all")]).to_pylist()
    return Lost(
        _sums(units, ["source", "path", "reason", "lost"]),
        Counter({(row["source"], row["path"]): row["count_all"] for row in conversations}),
        _sums(refused, ["source", "path"]),
    )


def several_of(own: Sequence[pa.Table], rows: Sequence[pa.Table], elsewhere: Callable[[], Iterable[pa.Table]]) -> pa.Table:
    """RECORD and `conversations` of the records with more than one, from `own` tables with the same columns, which may have parts of one record each.

    `rows` are those of `blame_of`. If `own` lacks a record with a refused conversation, as in a redrive, which writes every table by itself, it is
    looked for in the tables of `elsewhere`, which have the columns RECORD and a row for each conversation.
    """
    empty = pa.table({"source": pa.array([], pa.string()), "path": pa.array([], pa.string()), "line": pa.array([], pa.int64())})
    counts = pa.concat_tables([empty.append_column("conversations", pa.array([], pa.int64())), *own])
    offered = [table.filter(pc.is_valid(table["dialect"])).select(RECORD) for table in rows]
    refused = pa.concat_tables([empty, *offered]).group_by(RECORD).aggregate([])
    missing = refused.join(counts.select(RECORD), RECORD, join_type="left anti")
    if len(missing):
        for table in elsewhere():
            found = table.join(missing, RECORD, join_type="left semi").group_by(RECORD).aggregate([([], "count_all")])
            counts = pa.concat_tables([counts, found.rename_columns(counts.column_names)])
    summed = counts.group_by(RECORD).aggregate([("conversations", "sum")]).rename_columns(counts.column_names)
    return summed.filter(pc.greater(summed["conversations"], 1))


def records_in(path: str, open_file: Callable[[str], BinaryIO]) -> pa.Table:
    """The places of the records of these conversations, a row for each conversation."""
    with open_file(path) as source, pq.ParquetFile(source) as file:
        columns = [f"origin.{name}" for name in RECORD]
        return file.read(columns=columns, use_threads=False).flatten().select(columns).rename_columns(RECORD)


def _weighed(units: pa.Table, several: pa.Table | None) -> pa.Table:
    """With the column `weight`: a conversation's share of its record, and 1 for a whole record."""
    if several is None or not len(several):
        return units.append_column("weight", pa.array([1] * len(units), pa.int64()))
    joined = units.join(several, RECORD, join_type="left outer")
    weight = pc.divide(1.0, pc.cast(pc.fill_null(joined["conversations"], 1), pa.float64()))
    return joined.append_column("weight", pc.if_else(pc.is_null(joined["sample_id"]), 1.0, weight))


def _sums(units: pa.Table, names: list[str]) -> Counter[tuple[Any, ...]]:
    found = units.group_by(names).aggregate([("weight", "sum")]).to_pylist()
    return Counter({tuple(row[name] for name in names): row["weight_sum"] for row in found})
