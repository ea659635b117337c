"""The law that no book shows: a key stands once in its table. The driver and Spark say the same of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.parts import OUTCOMES, Files, Parts
from pipelines.spark import audit
from pipelines.spark.audit import Staged, doubled_rows

pytestmark = pytest.mark.spark
ORIGIN = {"source": "a", "path": "b.jsonl", "line": 1, "sha256": ""}


@pytest.mark.parametrize("most", [audit.DRIVER_ROWS, 1])
def test_keys_that_stand_twice_are_found(spark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int):
    monkeypatch.setattr(audit, "DRIVER_ROWS", most)
    # A sample is one per dialect, whatever its split; of a record that is kept aside, dialect is null.
    samples = [("glm_4", "train", "x"), ("glm_4", "val", "x"), ("glm_4v", "train", "x"), ("glm_4", "train", "y")]
    rows = [("samples", f"dialect={dialect}/split={split}/batch=n", {"sample_id": key, "num_tokens": 0}) for dialect, split, key in samples]
    rows += [
        ("quarantine", "batch=n", {"record_id": key, "dialect": dialect, "origin": ORIGIN})
        for key, dialect in [("r", None), ("r", None), ("r", "glm_4"), ("s", None)]
    ]
    rows += [("conversations", "split=train/batch=n", {"sample_id": key}) for key in "xyz"]
    staged = Staged(Files(tmp_path, []), _written(tmp_path, rows))
    assert doubled_rows(spark, staged) == ["quarantine: 1 keys stand more than once", "samples: 1 keys stand more than once"]


@pytest.mark.parametrize("most", [audit.DRIVER_ROWS, -1])
def test_no_rows_break_no_law(spark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int):
    monkeypatch.setattr(audit, "DRIVER_ROWS", most)
    assert doubled_rows(spark, Staged(Files(tmp_path, []), Files(tmp_path, []))) == []


def _written(folder: Path, rows: list[tuple[str, str, dict[str, Any]]]) -> Files:
    parts = Parts(folder, "run-0-0", OUTCOMES)
    for table, partition, row in rows:
        parts.add(table, partition, {field.name: None for field in OUTCOMES[table]} | row, 0)
    return Files(folder, parts.close())
