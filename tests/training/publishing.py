"""Small published roots: what a reader without Spark needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.tables.publication.root import OutputRoot
from tests.published import plan_rows, publish_run

Row = dict[str, Any]


def publish(
    root: Path,
    tables: dict[str, list[Row]],
    settings: Row | None = None,
    batch: str = "b1",
    schemas: dict[str, pa.Schema] | None = None,
    hour: int = 1,
) -> Path:
    """The root, with one batch more, or the batch replaced; the rows' own dialect and split say where they go."""
    output = OutputRoot(str(root))
    publish_run(output, plan_rows(output, f"{batch}-{hour}", batch, tables, schemas), hour, settings)
    return root


def schema_of(columns: pa.StructType) -> pa.Schema:
    """The columns in a file: those that are no partition columns."""
    return pa.schema([field for field in columns if field.name not in ("dialect", "split", "batch")])
