"""The main job publishes the rows that the pipeline makes without Spark, and nothing if it must not publish."""

from __future__ import annotations

import json
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipelines.cli import main as episodes
from pipelines.config import ConfigError
from pipelines.demo import BATCH
from pipelines.tables.reading import open_table, run_rows
from pipelines.tables.schema import row_of
from tests.making import asked, configuration, write_lines
from tests.scrub.planted import FORMS, plant

pytestmark = pytest.mark.spark
ROOT = Path(__file__).parents[2]
TABLES = ("conversations", "samples", "quarantine")
HALVES = {"fractions": {"train": 0.5, "val": 0.25, "test": 0.25}}


def read(spark, root: Path, table: str) -> list[dict[str, Any]]:
    return [row.asDict(recursive=True) for row in spark.read.format("delta").load(str(root / table)).collect()]


def test_the_demo_is_published_and_its_books_balance(demo, demo_run):
    _, written = demo
    _, root, result = demo_run
    (warning,) = result.words  # the demo has a .gz that was cut
    assert warning.startswith("warning: 1 damaged file, ")
    assert (result.exit_code, result.books.faults()) == (0, [])
    states = result.books.states()
    assert states["records"] == states["conversations"] + states["quarantined"] + states["duplicates"]
    assert states["records"] > written.records  # also the records that could be read from the damaged file
    manifest = json.loads((root / "reports" / BATCH / "manifest.json").read_bytes())
    assert (manifest["status"], manifest["run_id"]) == ("published", result.manifest["run_id"])
    assert manifest["published"]["versions"] == {"conversations": 0, "samples": 0, "quarantine": 0, "images": 0}
    assert manifest["tokenizers"]["glm_4"]["standin"] is True
    report = (root / "reports" / BATCH / "report.html").read_text()
    assert "stand-in vocabulary" in report
    assert {row["reason"] for row in manifest["causes"]} == manifest["reasons"].keys()
    for code, rows in manifest["reasons"].items():
        assert sum(row["rows"] for row in manifest["causes"] if row["reason"] == code) == rows
    assert sum(file["lost"] for file in manifest["worst_files"]) == states["quarantined"] + states["refused_by_all"]
    assert "<h2>Episodes</h2>" in report
    (row,) = run_rows(root)
    assert row["states"]["tokens"] == sum(split["tokens"] for split in manifest["splits"])
    assert f"{row['states']['tokens']:,}" in (root / "reports" / "index.html").read_text()
    assert not list((root / "_work").glob("*"))
    assert manifest["images_opened"] > 100


def test_every_row_is_the_same_as_without_spark(spark, demo_run, demo_outcomes):
    config, root, result = demo_run
    expected: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
    for outcome in demo_outcomes:
        table, row = row_of(outcome, BATCH, result.manifest["run_id"], config.split)
        if table == "samples":
            row |= {"attention_mask": [1] * row["num_tokens"], "position_ids": list(range(row["num_tokens"]))}
        expected[table].append({name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in row.items()})
    for table in TABLES:
        rows = read(spark, root, table)
        for row in rows:
            if row.get("raw") is not None:
                row["raw"] = bytes(row["raw"])
        assert len(rows) == len(expected[table])
        assert sorted(map(_text, rows)) == sorted(map(_text, expected[table]))


def _text(row: dict[str, Any]) -> str:
    return json.dumps(row, sort_keys=True, default=repr)


def test_every_planted_fault_is_in_the_tables(spark, demo, demo_run):
    folder, written = demo
    _, root, _ = demo_run
    found = {
        (str(Path(row["origin"]["path"]).relative_to(folder)), row["origin"]["line"], row["dialect"], row["reason"]) for row in read(spark, root, "quarantine")
    }
    planted = [want for want in written.expected if want["state"] in ("quarantined", "duplicate", "damaged")]
    assert [want for want in planted if (want["path"], want["line"], want["dialect"], want["code"]) not in found] == []


def test_a_second_run_replaces_the_batch_and_nothing_else(spark, run_job, tmp_path):
    root, names = tmp_path / "out", ("a.png", "b.png")
    source = {"path": f"{tmp_path}/{{batch}}.jsonl", "image_root": str(tmp_path)}
    config = configuration("minicpm_v_2_5", "minicpm_v_2_6", source=source, output={"root": str(root)}, split=HALVES)
    for name in names:
        Image.new("RGB", (64, 48), "red").save(tmp_path / name)
    write_lines(tmp_path / f"{BATCH}.jsonl", [asked("<image>What is this?", images=[name], episode_id=str(i)) for i in range(20) for name in names])
    write_lines(tmp_path / "2026-11-23.jsonl", [asked(f"Question {i}?") for i in range(3)])
    assert run_job(config, BATCH).exit_code == 0
    before = {(row["sample_id"], row["dialect"], row["split"]) for row in read(spark, root, "samples")}
    assert (len(before), {split for _, _, split in before}) == (2 * 40, {"train", "val", "test"})
    assert run_job(config, "2026-11-23").exit_code == 0
    again = run_job(config, BATCH, force=True)
    assert (again.status, again.manifest["images_opened"]) == ("published", 0)
    rows = read(spark, root, "samples")
    assert {(row["sample_id"], row["dialect"], row["split"]) for row in rows if row["batch"] == BATCH} == before
    assert len([row for row in rows if row["batch"] == "2026-11-23"]) == 2 * 3
    assert sorted(row["uri"] for row in read(spark, root, "images")) == ["kit/a.png", "kit/b.png"]
    assert len(read(spark, root, "runs")) == 3


def test_a_run_that_fails_a_gate_publishes_nothing_and_leaves_its_report(spark, run_job, tmp_path):
    logs = write_lines(tmp_path / "logs.jsonl", [asked("One?"), b"{broken", asked("Two?")])
    config = configuration("glm_4", source={"path": str(logs)}, output={"root": str(tmp_path / "out")})
    result = run_job(config)
    assert result.exit_code == 3
    root = tmp_path / "out"
    run_id = result.line()["run_id"]
    assert result.words == (
        "max_quarantined: 33.33% of the records were quarantined; the limit is 5.00%",
        "worst source: kit, 1 of 3 records (33.33%)",
        f"worst file: {logs}, 1 of 3 records",
        "worst reason: line.invalid_json, 1 record of source kit",
        f"next: episodes quarantine {root} --run {run_id} --source kit --reason line.invalid_json",
        f"to publish it all the same: episodes publish {root} {run_id} --reason TEXT",
    )
    assert (result.line()["worst"]["file"], result.line()["next"]) == (str(logs), result.words[4].removeprefix("next: "))
    assert [name for name in (*TABLES, "images", "runs") if (root / name / "_delta_log").exists()] == []
    assert result.report == f"{root}/reports/{BATCH}/staged/report.html"
    assert "gate failed" in Path(result.report).read_text()
    plan = json.loads((root / "_runs" / run_id / "plan.json").read_text())
    rows = {table: sum(pq.read_metadata(root / table / file["path"]).num_rows for file in files) for table, files in plan["tables"].items()}
    assert rows == {"conversations": 2, "samples": 2, "quarantine": 1}
    assert not list((root / "_work").glob("*"))
    assert [episodes(shlex.split(result.line()["next"])[1:]), episodes(["publish", str(root), run_id, "--reason", "agreed"])] == [0, 0]
    assert len(read(spark, root, "samples")) == 2
    assert run_job(config).status == "unchanged"
    assert not Path(result.report).exists()


def test_an_amended_batch_replaces_its_rows_and_no_other(spark, run_job, tmp_path):
    logs = tmp_path / "logs.jsonl"
    config = configuration("glm_4", source={"path": str(logs)}, output={"root": str(tmp_path / "out")}, gates={"max_quarantined": 0.5, "max_shrink": 0.5})
    records = [asked(f"Question {i}?", episode_id=str(i)) for i in range(200)]
    write_lines(logs, records)
    assert run_job(config).exit_code == 0
    assert run_job(config, "other").exit_code == 0
    write_lines(logs, [*records[:150], b"{broken"])
    assert run_job(config).exit_code == 0
    rows = read(spark, tmp_path / "out", "samples")
    assert (len(rows), len([row for row in rows if row["batch"] == "2026-11-22"])) == (350, 150)
    assert {row["split"] for row in rows} == {"train", "val", "test"}
    assert [row["reason"] for row in read(spark, tmp_path / "out", "quarantine")] == ["line.invalid_json"]
    side = {}
    for row in rows:
        assert side.setdefault(row["episode_id"], row["split"]) == row["split"]


def test_without_dialects_a_run_stops_at_verified_conversations(spark, run_job, tmp_path):
    logs = write_lines(tmp_path / "logs.jsonl", [asked("One?")])
    config = configuration(source={"path": str(logs)}, output={"root": str(tmp_path / "out")})
    assert run_job(config).exit_code == 0
    assert len(read(spark, tmp_path / "out", "conversations")) == 1
    assert read(spark, tmp_path / "out", "samples") == []


def test_a_source_that_may_be_empty_is_published_as_empty_with_all_columns(run_job, tmp_path, capsys):
    root = tmp_path / "out"
    source = {"path": [str(tmp_path / "logs"), str(tmp_path / "not here" / "*.jsonl")], "allow_empty": True}
    config = configuration("glm_4", source=source, output={"root": str(root)})
    result = run_job(config)
    assert (result.exit_code, result.books.states()["records"]) == (0, 0)
    assert result.line()["sources"] == [{"source": "kit", "files": 0, "records": 0, "median_files": None, "median_records": None, "batches": 0}]
    assert any(line.split() == ["source", "kit", "0", "files", "0", "records"] for line in result.summary())
    empty = {table: open_table(root, table).schema for table in (*TABLES, "images")}
    assert [open_table(root, table).count_rows() for table in empty] == [0, 0, 0, 0]
    with pytest.raises(ConfigError, match=r"^source kit: no such file or folder: .*/logs; set allow_empty: true if a batch may have none$"):
        run_job(config.model_copy(update={"sources": (config.sources[0].model_copy(update={"allow_empty": False}),)}), "other")
    views = views_of(root, capsys)
    write_lines(tmp_path / "logs" / "a.jsonl", [asked("One?"), b"{broken"])
    gates = config.gates.model_copy(update={"max_quarantined": 0.5})
    assert run_job(config.model_copy(update={"gates": gates}), "full").exit_code == 0
    full = {table: open_table(root, table).schema for table in TABLES}
    for table, schema in full.items():
        assert [(field.name, field.type) for field in empty[table]] == [(field.name, field.type) for field in schema], table
    assert {table: views[table] for table in TABLES} == {table: columns for table, columns in views_of(root, capsys).items() if table in TABLES}


def views_of(root: Path, capsys) -> dict[str, list[tuple[str, str]]]:
    """The columns of DuckDB's views."""
    capsys.readouterr()
    assert episodes(["snapshot", str(root), "--sql"]) == 0
    with duckdb.connect() as database:
        database.execute(capsys.readouterr().out)
        found = {table: database.sql(f"SELECT * FROM {table}") for table in (*TABLES, "images")}
        return {table: list(zip(rows.columns, map(str, rows.types), strict=True)) for table, rows in found.items()}


def test_a_wrong_configuration_stops_before_spark_starts(tmp_path):
    (tmp_path / "c.yaml").write_text("sources: [{name: a, path: b}]\noutptu: {root: o}\n")
    done = subprocess.run([sys.executable, "jobs/run.py", "--config", str(tmp_path / "c.yaml"), "--batch", "x"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    line = json.loads(done.stdout)
    assert (line["status"], line["exit_code"]) == ("configuration", 2)
    assert "outptu: unknown key; did you mean output?" in line["words"]
    assert "outptu: unknown key; did you mean output?" in done.stderr


READERS = {
    "pyarrow.dataset": """
import pyarrow.dataset as ds
def read(files):
    table = ds.dataset(files, format="parquet").to_table()
    return table.num_rows, sorted(f"{field.name}: {field.type}" for field in table.schema)
""",
    "duckdb": """
import duckdb
def read(files):
    found = duckdb.sql(f"select * from read_parquet({files}, hive_partitioning=false)")
    return len(found.fetchall()), sorted(f"{name}: {kind}" for name, kind in zip(found.columns, map(str, found.types)))
""",
    "datasets": """
from datasets import load_dataset
def read(files):
    found = load_dataset("parquet", data_files={"part": files}, split="part", cache_dir=sys.argv[1])
    return found.num_rows, sorted(f"{name}: {kind}" for name, kind in found.features.items())
""",
}
LISTED = """
import json, os, sys
from deltalake import DeltaTable
table = DeltaTable(sys.argv[1])
found = {}
for part in table.partitions():
    where = [(name, "=", part[name]) for name in ("dialect", "split")]
    files = table.file_uris(partition_filters=where)
    found[f"{part['dialect']}/{part['split']}"] = [files, table.to_pyarrow_table(partitions=where).num_rows]
print(json.dumps(found)); sys.stdout.flush(); os._exit(0)  # this library can abort at a normal exit beside others
"""
COUNTED = """
import json, os, sys
{reader}
print(json.dumps({{part: read(files) for part, files in json.load(sys.stdin).items()}})); sys.stdout.flush(); os._exit(0)
"""


@pytest.fixture(scope="module")
def parts(demo_run) -> dict[str, tuple[list[str], int]]:
    """dialect/split -> its files and its number of rows, as deltalake reads them from the Delta log."""
    _, root, _ = demo_run
    done = subprocess.run([sys.executable, "-c", LISTED, str(root / "samples")], capture_output=True, text=True, check=True)
    return {part: (files, rows) for part, (files, rows) in json.loads(done.stdout).items()}


def test_every_dialect_has_train_val_and_test_rows(demo_run, parts):
    config, _, _ = demo_run
    assert set(parts) == {f"{dialect.name}/{split}" for dialect in config.dialects for split in ("train", "val", "test")}


@pytest.mark.parametrize("reader", READERS)
def test_every_split_has_one_schema_and_the_same_rows_for_every_reader(reader: str, parts, tmp_path):
    program = COUNTED.format(reader=READERS[reader])
    files = json.dumps({part: files for part, (files, _) in parts.items()})
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], input=files, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert {part: rows for part, (rows, _) in found.items()} == {part: rows for part, (_, rows) in parts.items()}
    (schema,) = {tuple(columns) for _, columns in found.values()}
    names = [column.partition(":")[0] for column in schema]
    assert {"input_ids", "labels", "attention_mask", "position_ids", "images", "num_tokens", "repairs", "findings"} <= set(names)


def test_no_file_under_the_root_contains_a_planted_secret(tmp_path, run_job):
    rng = random.Random(28)
    planted = [plant(form, rng) for form in FORMS.values()]
    good = [{"messages": [{"role": "user", "content": f"{i}: {text}"}, {"role": "assistant", "content": "ok"}]} for i, (text, _) in enumerate(planted)]
    bad = [{"messages": [{"role": "user", "content": f"{i}: {text}"}, {"role": text, "content": text}], text: 1} for i, (text, _) in enumerate(planted)]
    log = write_lines(tmp_path / "logs" / "a.jsonl", [*good, *bad])
    config = configuration("glm_4", source={"path": str(log)}, scrub={"secrets": "mask"}, output={"root": str(tmp_path / "out")}, gates={"max_quarantined": 1})
    result = run_job(config, "n1")
    assert result.exit_code == 0
    assert result.books.states()["conversations"] == len(good)
    contents = [str(row).encode() for table in (*TABLES, "runs") for row in open_table(tmp_path / "out", table).to_table().to_pylist()]
    contents += [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file() and path.suffix != ".parquet"]
    parts = [max(re.split(r"[^A-Za-z0-9+]+", secret), key=len).encode() for _, secret in planted]
    assert [part for part in parts if any(part in content for content in contents)] == []
