"""What the records were lost to: by source, file and reason, in the unit of the gate `max_quarantined`.

That unit is a record that was quarantined as a whole, or a conversation that every dialect has refused that takes its source. What only
some dialects have refused is counted apart: no share of the gate has it, but the gate of a reason does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ledger.books import ASIDE

UNIT = ["source", "path", "line", "sample_id"]
Blame = Counter[tuple[Any, ...]]  # (source, path, reason, whether it was lost and not only refused by some dialects) -> units


def blame_of(rows: Sequence[pa.Table], takers: Mapping[str, Sequence[str]]) -> tuple[Blame, Counter[tuple[Any, ...]]]:
    """(the blame, the conversations that every dialect refused by source and file) of all quarantined rows of some records.

    `rows` have the columns of UNIT, `dialect` and `reason`; `takers`: source -> the dialects that take it.
    """
    table = pa.concat_tables(rows)
    table = table.filter(pc.invert(pc.is_in(table["reason"], pa.array(list(ASIDE)))))
    offered = table.filter(pc.is_valid(table["dialect"]))
    refusals = offered.group_by(["source", "path", "sample_id"]).aggregate([([], "count_all")]).to_pylist()
    refused = [row for row in refusals if row["count_all"] == len(takers.get(row["source"], ()))]
    everywhere = pc.is_in(table["sample_id"], pa.array([row["sample_id"] for row in refused], pa.string()))
    lost = pc.or_(pc.is_null(table["dialect"]), everywhere)
    units = table.append_column("lost", lost).select([*UNIT, "reason", "lost"])
    units = units.group_by(units.column_names).aggregate([])
    blame: Blame = Counter()
    for row in units.group_by(["source", "path", "reason", "lost"]).aggregate([([], "count_all")]).to_pylist():
        blame[row["source"], row["path"], row["reason"], row["lost"]] = row["count_all"]
    return blame, Counter((row["source"], row["path"]) for row in refused)
