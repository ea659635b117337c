"""Several tasks complete the drafts of one input, each with what it must know about its own rows."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.config import Config, ConfigError
from pipelines.containers import read_records
from pipelines.flow import open_flow
from pipelines.local import input_file
from pipelines.spark.plans import context as plans
from pipelines.spark.plans.bridge import flow_opener, read_files, write_files
from pipelines.spark.plans.context import PLACED, Outside, are_all_different, draft_context
from pipelines.spark.plans.drafts import DRAFTS, draft_row
from pipelines.spark.plans.outcomes import outcomes_work
from pipelines.storage.stores import ENVIRONMENT
from pipelines.tables import writing as parts
from pipelines.tables.writing import OUTCOMES, FileSet, FileWriter
from tests.golden import DATA
from tests.making import asked, configuration, write_lines

pytestmark = pytest.mark.spark


def test_several_tasks_complete_the_drafts_of_one_task(spark, job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config = configuration("glm_4", output={"root": str(tmp_path / "out")})
    records = [asked(f"Question {i}?", id=f"id-{i}") for i in range(11)]
    records[10] = records[0]  # the same bytes, in another file of drafts
    records[9] |= {"id": "id-1"}  # an id that another record has too
    logs = write_lines(tmp_path / "logs.jsonl", records)
    monkeypatch.setattr(parts, "BATCH_ROWS", 2)
    monkeypatch.setattr(parts, "FILE_BYTES", 1)
    drafts = _drafts(config, logs)
    assert len(drafts.files) == 6
    work = outcomes_work(job, drafts, draft_context(job, read_files(job, drafts, "drafts", PLACED), Outside()), "batch", open_flow(config), {})
    made = write_files(job, work, str(tmp_path / "outcomes"), OUTCOMES)
    tasks = int(spark.conf.get("spark.sql.shuffle.partitions"))
    assert {file.name.split("-")[1] for file in made.files if file.table == "conversations"} == {str(task) for task in range(tasks)}
    rows = {table: [row for path, _ in made.of(table) for row in pq.ParquetFile(path).read().to_pylist()] for table in OUTCOMES}
    assert Counter(row["reason"] for row in rows["quarantine"]) == {"record.duplicate": 1}
    assert sorted(row["origin"]["line"] for row in rows["conversations"]) == list(range(1, 11))
    conflicts = {row["origin"]["line"] for row in rows["conversations"] if any(one["code"] == "record.id_conflict" for one in row["findings"])}
    assert conflicts == {2, 10}


@pytest.mark.parametrize(
    "second, others_differ",
    [
        (asked("Question 2?", id="b"), True),
        (asked("Question 2?"), True),
        (asked("Question 1?", id="a"), False),  # the same bytes
        (asked("Question 2?", id="a"), False),  # the id names other content
    ],
)
def test_spark_is_queried_only_if_drafts_may_be_duplicates_or_share_an_id(
    job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: Any, others_differ: bool
):
    config = configuration("glm_4", output={"root": str(tmp_path / "out")})
    drafts = _drafts(config, write_lines(tmp_path / "logs.jsonl", [asked("Question 1?", id="a"), second, asked("No id."), asked("Nor here.")]))
    context = draft_context(job, read_files(job, drafts, "drafts", PLACED), Outside()).count()
    assert are_all_different(drafts, ENVIRONMENT) == others_differ == (context == 0)
    monkeypatch.setattr(plans, "DRIVER_ROWS", 3)
    assert not are_all_different(drafts, ENVIRONMENT)  # too many to be sure


def test_no_drafts_count_as_all_different(tmp_path: Path):
    assert are_all_different(FileSet(str(tmp_path), []), ENVIRONMENT)


def test_a_worker_refuses_a_tokenizer_that_is_not_the_drivers(tmp_path: Path):
    file = shutil.copytree(DATA / "tokenizers" / "minicpmv25_standin", tmp_path / "standin") / "tokenizer.json"
    opener = flow_opener(open_flow(configuration("minicpm_v_2_5", options={"tokenizer": str(file)})))
    assert opener().dialects[0].vocabulary.path == file
    opener = flow_opener(open_flow(configuration("minicpm_v_2_5", options={"tokenizer": str(file), "max_tokens": 9})))
    file.write_text(file.read_text() + "\n")
    with pytest.raises(ConfigError, match=r"dialect minicpm_v_2_5: .*tokenizer\.json is not the tokenizer that the driver opened: the sha256 is "):
        opener()


def _drafts(config: Config, logs: Path) -> FileSet:
    writer = FileWriter(str(logs.parent / "drafts"), "run-0-7", {"drafts": DRAFTS})
    for raw in read_records(input_file(config, str(logs), None), config.limits):
        writer.add("drafts", "", draft_row(raw, config), 0)
    return FileSet(str(logs.parent / "drafts"), writer.close())
