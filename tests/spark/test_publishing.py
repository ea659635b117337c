"""Batches one after the other: repeated, amended and refused runs, the table of images, redrives, and what a reader sees."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pytest
from PIL import Image
from pyspark.sql import functions as F

import pipelines
from pipelines.cli import main as episodes
from pipelines.config import Config, parse_config
from pipelines.ledger.batches import Refused
from pipelines.spark.run.redrive import Selection, redrive_batch
from pipelines.spark.views import register_views
from pipelines.storage.locks import LostRace, batch_lock
from pipelines.tables.reading import last_run, open_table, published_snapshot, run_rows, table_files
from tests.making import asked, configuration, write_lines

pytestmark = pytest.mark.spark
_numbers = count()


def picture(path: Path, color: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), color).save(path)
    return path


def shown(number: int, image: str, episode: str = "e") -> dict[str, Any]:
    return {
        "id": f"{episode}-{number}",
        "episode_id": episode,
        "messages": [{"role": "user", "content": f"<image>\nStep {number}?"}, {"role": "assistant", "content": f"Tap {number}."}],
        "images": [image],
    }


def config_of(folder: Path, **more: Any) -> Config:
    source = {"path": str(folder / "logs" / "{batch}" / "*.jsonl"), "image_root": str(folder / "screens")}
    usual = {"output": {"root": str(folder / "out")}, "gates": {"max_quarantined": 0.9}}
    return configuration("minicpm_v_2_5", source=source, **usual | more)


def rows(root: Path, table: str, *columns: str) -> list[dict[str, Any]]:
    return open_table(root, table).to_table(columns=list(columns) or None).to_pylist()


def test_three_batches_with_growing_episodes_and_the_same_screenshots(run_job, tmp_path):
    config, root = config_of(tmp_path), tmp_path / "out"
    opened = []
    for number in range(3):
        for screen in range(number + 2):
            if not (tmp_path / "screens" / f"{screen}.png").exists():
                picture(tmp_path / "screens" / f"{screen}.png", "blue")
        steps = [shown(step, f"{step % (number + 2)}.png", f"episode {episode}") for episode in range(4) for step in range(number * 2, number * 2 + 4)]
        write_lines(tmp_path / "logs" / f"n{number}" / "a.jsonl", steps)
        result = run_job(config, f"n{number}")
        assert (result.status, result.books.faults()) == ("published", [])
        opened.append(result.manifest["images_opened"])
    assert opened == [2, 1, 1]  # each distinct screenshot is opened once
    sides: dict[str, set[str]] = {}
    for row in rows(root, "samples", "episode_id", "split"):
        sides.setdefault(row["episode_id"], set()).add(row["split"])
    assert {len(found) for found in sides.values()} == {1}
    assert len(rows(root, "samples", "sample_id")) == 48
    picture(tmp_path / "screens" / "0.png", "green")
    os.utime(tmp_path / "screens" / "0.png", (1, 1))
    write_lines(tmp_path / "logs" / "n3" / "a.jsonl", [shown(90, "0.png"), shown(91, "1.png")])
    assert run_job(config, "n3").manifest["images_opened"] == 1  # the changed one


def test_a_repeated_run_changes_nothing_and_says_so(run_job, tmp_path):
    config, root = config_of(tmp_path), tmp_path / "out"
    write_lines(tmp_path / "logs" / "n0" / "a.jsonl", [asked(), b"{broken"])
    first = run_job(config, "n0")
    before, files = pipelines.snapshot(root), sorted(path for path in root.rglob("*") if path.is_file())
    os.utime(tmp_path / "logs" / "n0" / "a.jsonl", (1, 1))  # another time, the same bytes
    again = run_job(config, "n0")
    assert (again.status, again.exit_code) == ("unchanged", 0)
    assert again.words == (
        f"nothing to do: run {first.manifest['run_id']} published batch n0 with the same inputs, code and configuration; run with --force to write its rows again",
    )
    assert pipelines.snapshot(root) == before
    assert sorted(path for path in root.rglob("*") if path.is_file()) == files
    assert again.line()["counts"] == first.line()["counts"]
    assert Path(again.report).is_file()


def test_changed_inputs_amend_a_batch_and_are_listed(run_job, tmp_path):
    config, root = config_of(tmp_path), tmp_path / "out"
    logs = tmp_path / "logs" / "n0"
    write_lines(logs / "a.jsonl", [asked("A?")])
    write_lines(logs / "b.jsonl", [asked("B?")])
    run_job(config, "n0")
    write_lines(logs / "a.jsonl", [asked("A?"), asked("A again?")])
    (logs / "b.jsonl").unlink()
    write_lines(logs / "c.jsonl", [asked("C?")])
    result = run_job(config, "n0")
    assert result.status == "published"
    assert [word.rpartition("/")[0].rpartition(":")[0] + ": " + word.rpartition("/")[2] for word in result.words] == [
        "batch n0, new: c.jsonl",
        "batch n0, changed: a.jsonl",
        "batch n0, gone, its rows are removed: b.jsonl",
    ]
    questions = [row["messages"][0]["content"] for row in rows(root, "conversations")]
    assert sorted(questions) == ["A again?", "A?", "C?"]


def test_a_changed_configuration_is_refused_without_replace(run_job, tmp_path):
    write_lines(tmp_path / "logs" / "n0" / "a.jsonl", [asked()])
    run_job(config_of(tmp_path), "n0")
    other = config_of(tmp_path, options={"max_tokens": 4096})
    with pytest.raises(Refused, match=r"run n0\.\d+ published batch n0 with another configuration; use --replace to replace the batch"):
        run_job(other, "n0")
    assert not list((tmp_path / "out" / "_work").glob("*"))
    # A setting that affects neither rows nor gates does not count as another configuration.
    operational = config_of(tmp_path, retention={"days": 3}, hooks={"on_success": {"command": ["true"]}}, spark={"spark.ui.enabled": "false"})
    assert run_job(operational, "n0").status == "unchanged"
    assert run_job(other, "n0", replace=True).status == "published"
    assert run_job(other, "n0", replace=True).status == "unchanged"
    assert run_job(other, "n0", force=True).status == "published"


def test_a_batch_has_one_run_at_a_time(run_job, tmp_path):
    write_lines(tmp_path / "logs" / "n0" / "a.jsonl", [asked()])
    with batch_lock(str(tmp_path / "out"), "n0", "other"), pytest.raises(LostRace, match="another run is working on batch n0"):
        run_job(config_of(tmp_path), "n0")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["_locks"]


def test_a_batch_far_from_the_usual_size_fails_its_gate(run_job, tmp_path):
    config = config_of(tmp_path, gates={"max_quarantined": 1, "max_ratio_to_median": 3})
    for number in range(2):
        write_lines(tmp_path / "logs" / f"n{number}" / "a.jsonl", [*(asked(f"{number} {i}?") for i in range(9)), b"{broken"])
        assert run_job(config, f"n{number}").exit_code == 0
    write_lines(tmp_path / "logs" / "n2" / "a.jsonl", [*(asked(f"2 {i}?") for i in range(6)), *(b"{broken %d" % i for i in range(4))])
    result = run_job(config, "n2")
    assert result.exit_code == 3
    root, run_id = tmp_path / "out", result.line()["run_id"]
    assert result.words == (
        "max_ratio_to_median: 40.00% of the records were quarantined, 4.0 times the median of the last 2 batches; the limit is 3",
        "worst source: kit, 4 of 10 records (40.00%; median of 2 batches: 10.00%)",
        f"worst file: {tmp_path}/logs/n2/a.jsonl, 4 of 10 records",
        "worst reason: line.invalid_json, 4 records of source kit; 4 rows in all, median of 2 batches: 1",
        f"next: episodes quarantine {root} --run {run_id} --source kit --reason line.invalid_json",
        f"to publish it all the same: episodes publish {root} {run_id} --reason TEXT",
    )


def two_sources(folder: Path, **gates: Any) -> Config:
    """Sources gui and chat, which may have no files; each batch has a folder of them."""
    sources = [{"name": name, "path": str(folder / name / "{batch}"), "allow_empty": True} for name in ("gui", "chat")]
    return parse_config({"sources": sources, "output": {"root": str(folder / "out")}, "gates": gates})


def test_a_published_batch_stays_if_its_input_folder_is_unmounted_or_lacks_files(spark, run_job, tmp_path):
    config, root = two_sources(tmp_path), tmp_path / "out"
    for number in range(10):
        write_lines(tmp_path / "gui" / "n0" / f"{number}.jsonl", [asked(f"{number} {i}?", episode_id="e") for i in range(3)])
    write_lines(tmp_path / "chat" / "n0" / "a.jsonl", [asked("A?"), asked("B?")])
    first = run_job(config, "n0")
    assert first.line()["without_episode"] == {"gui": 0, "chat": 2}
    before, runs = pipelines.snapshot(root), run_rows(root)

    def fails(*words: str) -> None:
        result = run_job(config, "n0")
        *_, failed, following, opened = result.words
        run_id = result.line()["run_id"]
        assert (result.exit_code, failed, following) == (3, "".join(words), f"next: episodes diff {root} n0 {run_id}")
        assert opened == f"to publish it all the same: episodes publish {root} {run_id} --reason TEXT"
        assert (pipelines.snapshot(root), run_rows(root)) == (before, runs)
        assert len(rows(root, "conversations", "sample_id")) == 32

    (tmp_path / "chat" / "n0").rename(tmp_path / "unmounted")
    fails("max_shrink: 30 records came in, 6.25% fewer than the 32 of the published batch; no source may lose all its records: source chat lost 2 of 2 records")
    (tmp_path / "unmounted").rename(tmp_path / "chat" / "n0")
    for number in range(3):
        (tmp_path / "gui" / "n0" / f"{number}.jsonl").unlink()
    fails("max_shrink: 23 records came in, 28.12% fewer than the 32 of the published batch; the limit is 10.00%: source gui lost 9 of 30 records")
    # An operator can turn the gate off for one run. The next run has nothing to do, although the gate is on again.
    allowed = run_job(two_sources(tmp_path, max_shrink=None), "n0")
    assert (allowed.exit_code, len(rows(root, "conversations", "sample_id"))) == (0, 23)
    again = run_job(config, "n0")
    assert (again.status, again.line()["without_episode"]) == ("unchanged", {"gui": 0, "chat": 2})
    assert [(row["source"], row["files"], row["records"]) for row in again.line()["sources"]] == [("gui", 7, 21), ("chat", 1, 2)]
    write_lines(tmp_path / "gui" / "n1" / "a.jsonl", [asked("C?")])
    lines = run_job(config, "n1").summary()
    assert "source gui                1 file           1 record   (the batch before: 7 files, 21 records)" in lines
    assert "source chat              0 files          0 records   (the batch before: 1 file, 2 records)" in lines


def test_screens_on_which_episodes_begin_have_a_difference_hash(run_job, tmp_path):
    config, root = config_of(tmp_path), tmp_path / "out"
    for name, color in (("a.png", "red"), ("b.png", "blue"), ("c.png", "green")):
        picture(tmp_path / "screens" / name, color)
    steps = [shown(0, "a.png") | {"step_id": 1}, shown(1, "b.png") | {"step_id": 2}, shown(2, "c.png", "f") | {"step_id": 7}, shown(3, "c.png", "g")]
    write_lines(tmp_path / "logs" / "n0" / "a.jsonl", [*steps, shown(4, "lost.png", "h")])
    assert run_job(config, "n0").status == "published"
    found = {row["uri"]: row["difference_hash"] for row in rows(root, "images", "uri", "difference_hash")}
    assert found == {"kit/a.png": 0, "kit/b.png": None, "kit/c.png": 0}  # pictures of one colour


def redrive(spark, config: Config, reason: str, batch: str):
    return redrive_batch(spark, config, Selection(reason), batch, f"again.{next(_numbers)}", datetime.now(UTC))


def test_a_redrive_moves_records_that_were_fixed_out_of_quarantine(spark, run_job, tmp_path, capsys):
    root = tmp_path / "batches[1]"  # a name that is not a pattern
    config = config_of(tmp_path, output={"root": str(root)})
    picture(tmp_path / "screens" / "here.png")
    logs = tmp_path / "logs" / "n0" / "a.jsonl"
    write_lines(logs, [shown(0, "here.png"), shown(1, "late.png"), shown(1, "late.png"), shown(2, "never.png"), b"{broken"])
    first = run_job(config, "n0")
    assert first.line()["counts"] | {"damaged": 0} == first.line()["counts"]
    assert (first.books.total("quarantined"), first.books.total("duplicates")) == (3, 1)
    assert redrive(spark, config, "tool.unknown_tool", "n0").words == ("batch n0: no quarantined record with reason tool.unknown_tool can be run again",)
    picture(tmp_path / "screens" / "late.png")
    manifest = root / "reports" / "n0" / "manifest.json"
    counted = {"unread": [{"source": "kit", "key": "turn.thought", "count": 3}], "passed_over": [{"source": "kit", "path": "a.png", "why": "picture"}]}
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | counted))
    result = redrive(spark, config, "image.missing", "n0")
    assert (result.status, result.books.faults()) == ("published", [])
    assert {name: result.manifest[name] for name in counted} == counted  # as counted by the run that published the batch
    line = result.line()
    assert [(row["source"], row["files"], row["records"]) for row in line["sources"]] == [("kit", 1, 5)]
    assert (line["without_episode"], line["unread_keys"]) == ({"kit": 0}, 1)
    assert result.words == (
        "batch n0: ran 2 records again that were quarantined for image.missing; 1 still is",
        "quarantined before: 3 of 4 records (75.00%); now: 2 of 4 records (50.00%)",
    )
    kept = rows(root, "samples", "origin")
    assert sorted(row["origin"]["line"] for row in kept) == [1, 2]
    assert sorted((row["origin"]["line"], row["reason"]) for row in rows(root, "quarantine", "origin", "reason")) == [
        (3, "record.duplicate"),
        (4, "image.missing"),
        (5, "line.invalid_json"),
    ]
    assert run_job(config, "n0").status == "unchanged"  # a scheduled run does not undo the redrive
    assert redrive(spark, config, "image.missing", "n0").words[0].startswith("batch n0: ran 1 record")

    record = next(row["record_id"] for row in rows(root, "samples") if row["origin"]["line"] == 2)
    logs.write_bytes(b"")
    capsys.readouterr()
    assert episodes(["explain", record, str(root), "--json"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert [one["kind"] for one in seen] == ["batch", "redrive", "redrive"]
    assert [one["states"] for one in seen][:2] == [
        ["quarantined: image.missing", "duplicate"],
        ["conversation", "minicpm_v_2_5: clean", "duplicate"],
    ]
    assert json.loads(seen[0]["raw"])["id"] == "e-1"
    assert episodes(["explain", record, str(root)]) == 0
    assert "Step 1?" in capsys.readouterr().out
    assert episodes(["explain", "0" * 64, str(root)]) == 2


def test_a_redrive_with_another_split_is_refused(spark, run_job, tmp_path):
    config = config_of(tmp_path)
    write_lines(tmp_path / "logs" / "n0" / "a.jsonl", [shown(0, "late.png"), asked()])
    run_job(config, "n0")
    with pytest.raises(Refused, match="published with other split"):
        redrive(spark, config_of(tmp_path, split={"salt": "v2"}), "image.missing", "n0")


def test_every_reader_sees_the_snapshot_and_no_later_files(spark, run_job, tmp_path, capsys):
    config, root = config_of(tmp_path / "a folder"), tmp_path / "a folder" / "out"
    write_lines(tmp_path / "a folder" / "logs" / "n0" / "a.jsonl", [asked("One?"), asked("Two?")])
    run_job(config, "n0")
    named = pipelines.snapshot(root)
    assert named == dict.fromkeys(("conversations", "samples", "quarantine", "images"), 0)
    half = spark.read.format("delta").load(str(root / "samples")).withColumn("batch", F.lit("half"))
    half.write.format("delta").mode("append").save(str(root / "samples"))
    # Somebody else has added rows of a batch that no run has published: they stay in the table, but are no part of the snapshot.
    assert len(rows(root, "samples", "sample_id")) == 2
    assert episodes(["snapshot", str(root)]) == 0
    now = json.loads(capsys.readouterr().out)
    assert now == published_snapshot(root) == named | {"samples": table_files(root, "samples")}
    assert episodes(["snapshot", str(root), "--sql"]) == 0
    with duckdb.connect() as database:
        database.execute(capsys.readouterr().out)
        assert database.sql("SELECT count(*) FROM samples").fetchall() == [(2,)]
    assert register_views(spark, root) == list(named)
    assert spark.sql("SELECT count(*) AS n FROM samples WHERE batch = 'n0'").collect()[0]["n"] == 2
    assert spark.sql("SELECT count(*) AS n FROM samples").collect()[0]["n"] == 2
    write_lines(tmp_path / "a folder" / "logs" / "n1" / "a.jsonl", [asked("Three?")])
    run_job(config, "n1")
    assert len(rows(root, "samples", "sample_id")) == 3
    assert spark.read.format("delta").load(str(root / "samples")).count() == 5


def test_what_others_do_to_the_tables_is_neither_undone_nor_in_the_way(spark, run_job, tmp_path):
    config, root = config_of(tmp_path), tmp_path / "out"
    for number in range(2):
        write_lines(tmp_path / "logs" / f"n{number}" / "a.jsonl", [asked(f"{number} {i}?") for i in range(4)])
        run_job(config, f"n{number}")
    table = f"delta.`{root / 'samples'}`"
    gone = rows(root, "samples", "sample_id", "batch")[0]
    spark.sql(f"DELETE FROM {table} WHERE sample_id = '{gone['sample_id']}'")
    spark.sql(f"OPTIMIZE {table}")
    spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.deletedFileRetentionDuration' = 'interval 0 hours')")
    spark.sql(f"VACUUM {table} RETAIN 0 HOURS")
    assert len(rows(root, "samples", "sample_id")) == 7
    write_lines(tmp_path / "logs" / "n2" / "a.jsonl", [asked("2?")])
    run_job(config, "n2")
    assert len(rows(root, "samples", "sample_id")) == 8  # the deleted row stays deleted
    assert gone["sample_id"] not in {row["sample_id"] for row in rows(root, "samples", "sample_id")}
    assert run_job(config, gone["batch"], force=True).status == "published"
    assert len(rows(root, "samples", "sample_id")) == 9  # until its batch is run again


@pytest.mark.long
def test_retention_keeps_states_that_a_trainer_may_still_read(run_job, tmp_path):
    config, root = config_of(tmp_path, retention={"days": 1}), tmp_path / "out"
    logs = tmp_path / "logs" / "n0" / "a.jsonl"
    write_lines(logs, [asked("One?")])
    run_job(config, "n0")
    write_lines(logs, [asked("Two?")])
    run_job(config, "n0")
    first, second = run_rows(root)
    assert [row["messages"][0]["content"] for row in open_table(root, "conversations", first).to_table().to_pylist()] == ["One?"]
    ago = time.time() - 3 * 86_400
    for path in (root / "_replaced").glob("*"):
        os.utime(path, (ago, ago))
    write_lines(logs, [asked("Three?")])
    run_job(config, "n0")
    assert [row["messages"][0]["content"] for row in open_table(root, "conversations", second).to_table().to_pylist()] == ["Two?"]
    assert last_run(root) != second
    with pytest.raises(OSError, match="samples"):
        open_table(root, "samples", first).to_table()
