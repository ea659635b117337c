"""Records that another batch has published (`duplicates: root`)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipelines.config import Config
from pipelines.spark.run.redrive import Selection, redrive_batch
from pipelines.tables.reading import open_table
from tests.episodes.logs import call_records, episode
from tests.making import asked, configuration, write_lines

pytestmark = pytest.mark.spark


def config_of(folder: Path, **more: Any) -> Config:
    source = {"path": str(folder / "logs" / "{batch}"), "image_root": str(folder), "fold": more.pop("fold", "none")}
    gates = {"max_quarantined": 1.0}
    return configuration(source=source, output={"root": str(folder / "out")}, gates=gates, **{"duplicates": "root"} | more)


def shown(name: str) -> dict[str, Any]:
    return asked("<image>What is this?", images=[name])


def aside(root: Path, batch: str) -> dict[int, str]:
    """The reason and detail of each quarantined record of a batch, by its line."""
    rows = open_table(root, "quarantine").to_table(columns=["origin", "findings", "batch"]).to_pylist()
    return {row["origin"]["line"]: f"{row['findings'][0]['code']} {row['findings'][0]['detail']}" for row in rows if row["batch"] == batch}


def counts(result: Any, *names: str) -> list[int]:
    assert result.exit_code == 0, result.words
    assert result.books.faults() == []
    return [result.books.states()[name] for name in names or ("conversations", "duplicates")]


def test_a_record_of_another_published_batch_is_a_duplicate_that_names_it(tmp_path: Path, run_job):
    config, root = config_of(tmp_path), tmp_path / "out"
    lines = [asked(f"Question {number}?") for number in range(20)]
    first = write_lines(tmp_path / "logs" / "n1" / "a.jsonl", lines)
    assert counts(run_job(config, "n1")) == [20, 0]
    write_lines(tmp_path / "logs" / "n2" / "b.jsonl", [asked("New?"), *reversed(lines), asked("New?")])
    result = run_job(config, "n2")
    assert counts(result) == [1, 21]
    assert result.manifest["quarantined_share"] == 0
    found = aside(root, "n2")
    assert found.pop(22) == f"record.duplicate {tmp_path}/logs/n2/b.jsonl:1 has the same bytes, and was kept"
    assert found == {22 - line: f"record.duplicate {first}:{line} of batch n1 has the same bytes, and was kept" for line in range(1, 21)}
    assert counts(run_job(config, "n1", force=True)) == [20, 0]  # not a duplicate of itself, nor of what n2 only repeats
    write_lines(tmp_path / "logs" / "n0" / "a.jsonl", [*lines[:2], asked("Late?")])  # a night that comes late
    assert counts(run_job(config, "n0")) == [1, 2]
    write_lines(tmp_path / "logs" / "n3" / "a.jsonl", lines[:2])
    assert counts(run_job(config_of(tmp_path, duplicates="batch"), "n3")) == [2, 0]


def test_a_record_that_was_quarantined_or_that_supersedes_is_found_again(tmp_path: Path, run_job, spark):
    config, root = config_of(tmp_path, fold="prefix"), tmp_path / "out"
    calls, (cut, later) = call_records(episode(1, calls=4)), call_records(episode(2, calls=2))
    cut["response"]["choices"][0]["finish_reason"] = "length"
    names = ("conversations", "quarantined", "superseded", "duplicates")
    write_lines(tmp_path / "logs" / "n1" / "a.jsonl", [*calls, shown("late.png"), cut])
    assert counts(run_job(config, "n1"), *names) == [2, 1, 3, 0]
    Image.new("RGB", (8, 8)).save(tmp_path / "late.png")
    write_lines(tmp_path / "logs" / "n2" / "a.jsonl", [*calls, shown("late.png"), cut, later])
    assert counts(run_job(config, "n2"), *names) == [2, 0, 0, 5]  # the picture is there now
    rows = open_table(root, "conversations").to_table(columns=["origin", "messages", "batch"]).to_pylist()
    (messages,) = (row["messages"] for row in rows if row["batch"] == "n2" and row["origin"]["line"] == 7)
    assert [one["loss_weight"] for one in messages] == [None, None, 0, 0, None, None]  # the first answer was cut, as its duplicate says
    again = redrive_batch(spark, config, Selection("image.missing"), "n1", "n1.again", datetime.now(UTC))
    assert counts(again, *names) == [2, 0, 3, 1]
    assert aside(root, "n1")[5] == f"record.duplicate {tmp_path}/logs/n2/a.jsonl:5 of batch n2 has the same bytes, and was kept"
