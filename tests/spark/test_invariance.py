"""The rows do not depend on how Spark splits the work: into one, seven or fifty partitions, with the files in any order."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipelines.local import run_files
from pipelines.tables.schema import row_of
from tests.golden import open_case
from tests.making import asked, configuration
from tests.spark.test_job import TABLES, read

pytestmark = pytest.mark.spark
DIALECTS = ("glm_4", "minicpm_v_2_6")


def prepared(hostile: Path, folder: Path, renamed: bool, whole: bool) -> None:
    """Writes the records of the corpus to many files. With `whole`, also its raw files, and a record for each of its pictures.

    With `renamed`, the files have names in the opposite order.
    """
    lines = [line for name in ("records.jsonl", "policy.jsonl") for line in (hostile / name).read_bytes().split(b"\n") if line]
    parts = [(".jsonl", b"\n".join(lines[i : i + 25]) + b"\n") for i in range(0, len(lines), 25)]
    raw = [hostile / "raw" / "truncated.jsonl.gz"]
    if whole:
        parts.append((".jsonl", b"\n".join(picture_records(hostile))))
        # The line bomb is 128 MB: reading it is tested elsewhere.
        raw = [path for path in sorted((hostile / "raw").rglob("*")) if path.is_file() and not path.name.startswith("line_bomb")]
    parts += [("".join(path.suffixes), path.read_bytes()) for path in raw]
    folder.mkdir()
    for number, (ending, data) in enumerate(parts):
        (folder / f"{len(parts) - number if renamed else number:02d}{ending}").write_bytes(data)


def picture_records(hostile: Path) -> list[bytes]:
    files = [json.loads(line)["file"] for line in (hostile / "images" / "expected.jsonl").read_bytes().split(b"\n") if line]
    return [json.dumps(asked(f"What is {file}? <image>", images=[file])).encode() for file in files]


def essence(row: dict[str, Any]) -> str:
    """A row without the names of its run and of its file."""
    kept = {key: value for key, value in row.items() if key not in ("run_id", "origin", "batch")}
    if kept.get("record_id") and row["origin"]["line"] == 0:
        kept.pop("record_id")
        kept.pop("findings")  # they name the file
    if kept.get("reason") == "record.duplicate":
        kept.pop("findings")  # they name the record that was kept
    return json.dumps(kept, sort_keys=True, default=repr)


@pytest.fixture(scope="module")
def pure(hostile: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], dict[str, list[str]]]:
    """The rows that the pipeline makes without Spark of the records, or of the whole corpus."""
    return cache(lambda whole: pure_rows(hostile, tmp_path_factory.mktemp("pure") / "logs", whole))


def pure_rows(hostile: Path, folder: Path, whole: bool) -> dict[str, list[str]]:
    prepared(hostile, folder, renamed=False, whole=whole)
    config = made(hostile, folder, folder)
    found: dict[str, list[str]] = {table: [] for table in TABLES}
    for outcome in run_files(open_case(config), [str(path) for path in sorted(folder.iterdir())]):
        table, row = row_of(outcome, "batch", "run", config.split)
        if table == "samples":
            row |= {"attention_mask": [1] * row["num_tokens"], "position_ids": list(range(row["num_tokens"]))}
            row |= {name: row[name].tolist() for name in ("input_ids", "labels")}
        found[table].append(essence(row))
    return {table: sorted(rows) for table, rows in found.items()}


def made(hostile: Path, logs: Path, root: Path):
    return configuration(
        *DIALECTS,
        source={"path": str(logs), "image_root": str(hostile / "images")},
        output={"root": str(root)},
        gates={"max_quarantined": 1},
    )


LONG = [pytest.param(partitions, renamed, True, marks=pytest.mark.long) for partitions, renamed in ((1, False), (7, True), (50, False))]


@pytest.mark.parametrize(("partitions", "renamed", "whole"), [(7, True, False), pytest.param(1, False, False, marks=pytest.mark.long), *LONG])
def test_the_hostile_corpus_gives_the_same_rows_however_the_work_is_split(spark, run_job, hostile, pure, tmp_path, partitions, renamed, whole):
    before = spark.conf.get("spark.sql.shuffle.partitions")
    adaptive = spark.conf.get("spark.sql.adaptive.coalescePartitions.enabled", "true")
    spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
    spark.conf.set("spark.sql.adaptive.coalescePartitions.enabled", "false")
    try:
        prepared(hostile, tmp_path / "logs", renamed, whole)
        result = run_job(made(hostile, tmp_path / "logs", tmp_path / "out"))
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", before)
        spark.conf.set("spark.sql.adaptive.coalescePartitions.enabled", adaptive)
    assert result.exit_code == 0
    assert all(re.match(r"warning: \d+ damaged files?, ", word) for word in result.words), result.words
    for table in TABLES:
        rows = read(spark, tmp_path / "out", table)
        for row in rows:
            if row.get("raw") is not None:
                row["raw"] = bytes(row["raw"])
        assert sorted(map(essence, rows)) == pure(whole)[table]
