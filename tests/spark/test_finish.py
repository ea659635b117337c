"""Drafts of one input are finished by several tasks, each with what is told of its own rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines import parts
from pipelines.containers import read_records
from pipelines.local import input_file
from pipelines.parts import OUTCOMES, Files, Parts
from pipelines.spark.bridge import read_parts, write_parts
from pipelines.spark.finish import Naming, outcomes_work, told_of
from pipelines.spark.ingest import DRAFTS, draft_row
from tests.making import asked, configuration, write_lines

pytestmark = pytest.mark.spark


def test_the_files_of_one_task_are_finished_by_several(spark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config = configuration("glm_4", output={"root": str(tmp_path / "out")})
    records = [asked(f"Question {i}?", id=f"id-{i}") for i in range(11)]
    records[10] = records[0]  # the same bytes, in another file of drafts
    records[9] |= {"id": "id-1"}  # an id that another record has too
    logs = write_lines(tmp_path / "logs.jsonl", records)
    monkeypatch.setattr(parts, "BATCH_ROWS", 2)
    monkeypatch.setattr(parts, "FILE_BYTES", 1)
    writer = Parts(tmp_path / "drafts", "run-0-7", {"drafts": DRAFTS})
    for raw in read_records(input_file(config, str(logs), None), config.limits):
        writer.add("drafts", "", draft_row(raw, config), 0)
    drafts = Files(tmp_path / "drafts", writer.close())
    assert len(drafts.parts) == 6
    work = outcomes_work(drafts, told_of(read_parts(spark, drafts, "drafts", DRAFTS), None), Naming("night", "run"), config)
    made = write_parts(work, tmp_path / "outcomes", "run", OUTCOMES)
    tasks = int(spark.conf.get("spark.sql.shuffle.partitions"))
    assert {part.name.split("-")[1] for part in made.parts if part.table == "conversations"} == {str(task) for task in range(tasks)}
    rows = {table: [row for path, _ in made.of(table) for row in pq.ParquetFile(path).read().to_pylist()] for table in OUTCOMES}
    assert Counter(row["reason"] for row in rows["quarantine"]) == {"record.duplicate": 1}
    assert sorted(row["origin"]["line"] for row in rows["conversations"]) == list(range(1, 11))
    told = {row["origin"]["line"] for row in rows["conversations"] if any(one["code"] == "record.id_conflict" for one in row["findings"])}
    assert told == {2, 10}
