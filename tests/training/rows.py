"""Rows of `samples` as published, from the golden cases and by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pipelines.records import Sample
from pipelines.tables.schema import row_of
from tests.golden import cases_of, config_for, expectation, run_case

Row = dict[str, Any]


def sample_row(sample: Sample, case: Row, recipe: str) -> Row:
    """The row of `samples` as a reader sees it, with all columns."""
    _, row = row_of(sample, "batch", "run", config_for(case, recipe).split)
    return row | {"attention_mask": [1] * row["num_tokens"], "position_ids": list(range(row["num_tokens"]))}


def golden_rows(dialect: str, recipe: str) -> Iterator[tuple[Row, Row, Row]]:
    """(expectation, row, case) of every case whose tokens are one known answer."""
    for case in cases_of(dialect):
        want = expectation(case, recipe)
        sample = run_case(case, recipe)
        if isinstance(sample, Sample) and "labels" in want and list(sample.tokens.input_ids) == want["input_ids"]:
            yield want, sample_row(sample, case, recipe), case


def turn(role: str, start: int, end: int, weight: float | None = None, message: int = 0) -> Row:
    return {"message": message, "role": role, "start": start, "end": end, "weight": weight}


def image(*spans: tuple[int, int], grid: tuple[int, int] | None = None, sizes: list[tuple[int, int]] | None = None, **more: Any) -> Row:
    """An element of column `images`; `sizes` are (height, width) in patches."""
    sizes = sizes or [(32, 32)] * len(spans)
    return {
        "uri": "gui/a.png",
        "sha256": "0" * 64,
        "format": "PNG",
        "width": 448,
        "height": 448,
        "grid": grid and {"columns": grid[0], "rows": grid[1]},
        "token_spans": [{"start": start, "end": end} for start, end in spans],
        "target_sizes": [{"height": height, "width": width} for height, width in sizes],
    } | more


def row(ids: list[int], trained: set[int], **more: Any) -> Row:
    """A row whose tokens at these places are trained."""
    labels = [token if place in trained else -100 for place, token in enumerate(ids)]
    return {"sample_id": "s1", "input_ids": ids, "labels": labels, "images": [], "turn_spans": None} | more


def plain(values: Any) -> Any:
    """Arrays as lists."""
    if isinstance(values, dict):
        return {name: plain(value) for name, value in values.items()}
    return values.tolist() if isinstance(values, np.ndarray) else [plain(value) for value in values] if isinstance(values, list) else values
