"""Statistics of a data file for the Delta log, from the footer that its writer made: they let readers skip files."""

from __future__ import annotations

from typing import Any

import orjson
import pyarrow.parquet as pq

# The columns of the published tables with one value per row that readers look for.
SEARCHED = {
    "sample_id",
    "record_id",
    "episode_id",
    "step_id",
    "num_tokens",
    "num_target_tokens",
    "stage",
    "reason",
    "uri",
    "size",
    "modified",
    "sha256",
    "run_id",
}
LONGEST = 256  # characters of a text; a longer one has no bounds
REFS = "refs.list.element.key"  # of drafts: their number says whether any record names an image
WITH_STATISTICS = (*SEARCHED, REFS)


def delta_statistics(footer: pq.FileMetaData) -> str:
    """JSON as the field `stats` of an `add` action has it: number of rows, and least and greatest values of the columns in SEARCHED.

    Source: PROTOCOL.md of delta-io/delta, "Per-file Statistics".
    """
    least: dict[str, Any] = {}
    greatest: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    for index in range(footer.num_columns):
        name = footer.schema.column(index).path
        found = [footer.row_group(group).column(index).statistics for group in range(footer.num_row_groups)] if name in SEARCHED else []
        if not found or not all(one is not None and one.has_null_count for one in found):
            continue
        nulls[name] = sum(one.null_count for one in found)
        bounds = [(one.min, one.max) for one in found if one.has_min_max]
        if bounds and len(bounds) == sum(one.num_values > 0 for one in found) and all(_is_short(value) for pair in bounds for value in pair):
            least[name] = min(low for low, _ in bounds)
            greatest[name] = max(high for _, high in bounds)
    return orjson.dumps({"numRecords": footer.num_rows, "minValues": least, "maxValues": greatest, "nullCount": nulls}).decode()


def values_in(footer: pq.FileMetaData, path: str) -> int:
    """How many values that are not null a column has, by its path in the Parquet schema."""
    indices = [index for index in range(footer.num_columns) if footer.schema.column(index).path == path]
    found = [footer.row_group(group).column(index).statistics for group in range(footer.num_row_groups) for index in indices]
    return sum(one.num_values for one in found if one is not None)


def _is_short(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and len(value) <= LONGEST)
