"""Duplicate keys, which the books cannot show, are found by the driver and by Spark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.spark.plans import read_back as plan
from pipelines.spark.plans.drafts import DRAFTS
from pipelines.spark.plans.read_back import Staged, find_duplicate_keys, read_back
from pipelines.tables.writing import OUTCOMES, FileSet, FileWriter
from tests.making import configuration

pytestmark = pytest.mark.spark
ORIGIN = {"source": "a", "path": "b.jsonl", "line": 1, "sha256": ""}


@pytest.mark.parametrize("most", [plan.DRIVER_ROWS, 1])
def test_duplicate_keys_are_found(job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int):
    monkeypatch.setattr(plan, "DRIVER_ROWS", most)
    # There is one sample per conversation and dialect, whatever its split. A record quarantined as a whole has no dialect.
    samples = [("glm_4", "train", "x"), ("glm_4", "val", "x"), ("glm_4v", "train", "x"), ("glm_4", "train", "y")]
    rows = [("samples", f"dialect={dialect}/split={split}/batch=n", {"sample_id": key, "num_tokens": 0}) for dialect, split, key in samples]
    rows += [
        ("quarantine", "batch=n", {"record_id": key, "dialect": dialect, "origin": ORIGIN})
        for key, dialect in [("r", None), ("r", None), ("r", "glm_4"), ("s", None)]
    ]
    rows += [("conversations", "split=train/batch=n", {"sample_id": key}) for key in "xyz"]
    staged = Staged(FileSet(str(tmp_path), []), _written(tmp_path, rows))
    assert find_duplicate_keys(job, staged) == ["quarantine: 1 key with more than one row", "samples: 1 key with more than one row"]


@pytest.mark.parametrize("most", [plan.DRIVER_ROWS, -1])
def test_tables_without_rows_have_no_duplicate_keys(job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int):
    monkeypatch.setattr(plan, "DRIVER_ROWS", most)
    assert find_duplicate_keys(job, Staged(FileSet(str(tmp_path), []), FileSet(str(tmp_path), []))) == []


def test_unread_keys_are_counted_from_the_staged_rows_without_duplicates(job, tmp_path: Path):
    writer = FileWriter(str(tmp_path), "run-0-0", {"drafts": DRAFTS})
    for line in (1, 2, 3):
        unread = [{"key": "turn.thought", "count": line}] if line < 3 else []
        writer.add("drafts", "", dict.fromkeys(DRAFTS.names) | {"origin": ORIGIN | {"line": line}, "refs": (), "unread": unread}, 0)
    copy = {"record_id": "r", "origin": ORIGIN | {"line": 2}, "reason": "record.duplicate"}
    episodes = [{"sample_id": key, "record_id": key, "episode_id": episode, "origin": ORIGIN, "repairs": (), "images": ()} for key, episode in ("xx", "yz")]
    rows = [("quarantine", "batch=n", copy), *(("conversations", "split=train/batch=n", row) for row in episodes)]
    config = configuration(source={"name": "a"})
    tally = read_back(job, Staged(FileSet(str(tmp_path), writer.close()), _written(tmp_path, rows)), config)
    assert (tally.unread, tally.without_episode) == ({("a", "turn.thought"): 1}, {"a": 1})


def _written(folder: Path, rows: list[tuple[str, str, dict[str, Any]]]) -> FileSet:
    parts = FileWriter(str(folder), "run-0-0", OUTCOMES)
    for table, partition, row in rows:
        parts.add(table, partition, {field.name: None for field in OUTCOMES[table]} | row, 0)
    return FileSet(str(folder), parts.close())
