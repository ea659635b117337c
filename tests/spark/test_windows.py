"""Windows in published tables: their books balance, also after a redrive."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from pipelines.config import Config
from pipelines.spark.run.redrive import Selection, redrive_batch
from pipelines.training import TrainingSet, eval_items, open_root
from tests.dialects.test_overflow import episode
from tests.making import asked, configuration, write_lines

pytestmark = pytest.mark.spark


def config_of(folder: Path, **options: Any) -> Config:
    more = {"output": {"root": str(folder / "root")}, "gates": {"max_quarantined": 1}, "split": {"fractions": {"train": 1, "val": 0, "test": 0}}}
    return configuration("glm_4", source={"path": str(folder / "logs.jsonl")}, options={"max_tokens": 800} | options, **more)


def test_a_night_with_windows_and_one_that_is_run_again_with_them(run_job, spark: SparkSession, tmp_path: Path):
    write_lines(tmp_path / "logs.jsonl", [episode(30), asked(), episode(12)])
    refused = run_job(config_of(tmp_path))
    assert refused.books.dialect_totals() == {"glm_4": {"offered": 3, "clean": 1, "repaired": 0, "quarantined": 2, "more_windows": 0}}
    config = config_of(tmp_path, on_overflow="windows")
    again = redrive_batch(spark, config, Selection("tokens.too_long"), "2026-11-22", "redrive.1", datetime.now(UTC))
    new = run_job(config, replace=True)
    for result in (again, new):
        assert (result.exit_code, result.books.faults()) == (0, [])
        assert result.books.dialect_totals() == {"glm_4": {"offered": 3, "clean": 3, "repaired": 0, "quarantined": 0, "more_windows": 8}}
    rows = list(open_root(tmp_path / "root").rows("samples"))
    windows = [sorted(row["window"] for row in rows if row["record_id"] == record_id) for record_id in {row["record_id"] for row in rows}]
    assert sorted(windows) == sorted([[0], list(range(3)), list(range(len(rows) - 4))])
    assert len({row["sample_id"] for row in rows}) == len(rows) == len(TrainingSet(tmp_path / "root", "glm_4"))
    assert len(eval_items(tmp_path / "root", "glm_4", "train")) == 2 * 30 + 1 + 1 + 2 * 12 + 1
