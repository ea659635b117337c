"""`episodes repair`: roots that somebody else has changed, and roots of version 0.1.0."""

from __future__ import annotations

import os
import tarfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, write_deltalake

from pipelines.cli import main as episodes
from pipelines.tables.publication.complete import RootDamaged, complete
from pipelines.tables.publication.repair import repair
from pipelines.tables.publication.root import OutputRoot, newest_of
from pipelines.tables.reading import NotPublished, input_rows_of, published_snapshot
from pipelines.training.tables import open_root
from tests.published import DAYS, publish_run
from tests.tables.publication.kit import append_foreign, everything, keys_of, plan_for, seen

DATA = Path(__file__).parents[2] / "data" / "old_roots"


def test_a_sound_root_needs_no_repair(root: OutputRoot):
    publish_run(root, plan_for(root, "r1", "mon"))
    before = everything(root)
    assert list(repair(root)) == []
    assert everything(root) == before == keys_of("r1")


def test_a_run_whose_driver_was_killed_after_its_commit_is_completed(root: OutputRoot):
    publish_run(root, plan_for(root, "r1", "mon"), completed=False)
    assert list(repair(root)) == [f"{table}: completed run r1" for table in ("conversations", "samples", "quarantine", "images")]
    assert everything(root) == keys_of("r1")


@pytest.mark.parametrize("what", ["file", "plan"])
def test_a_published_run_that_cannot_be_completed_is_withdrawn(root: OutputRoot, what: str):
    """Somebody has deleted a file of it, or its plan, before it reached the tables. Its batch can be run again."""
    publish_run(root, plan_for(root, "r1", "mon"))
    plan = plan_for(root, "r2", "tue")
    publish_run(root, plan, completed=False)
    Path(root.path("samples", plan.tables["samples"][0].path) if what == "file" else f"{root.run_folder('r2')}/plan.json").unlink()
    with pytest.raises(RootDamaged, match=r"gone.*; run episodes repair "):
        complete(root, root.runs(), DAYS)
    words = list(repair(root))
    assert any(word.startswith("runs: removed the rows of batch tue; run it again") for word in words)
    assert [row["run_id"] for row in root.runs()] == ["r1"]
    assert everything(root) == keys_of("r1")
    publish_run(root, plan_for(root, "r3", "tue"))
    assert seen(root, "samples", "tue") == keys_of("r3")["samples"]


def test_files_that_somebody_deleted_are_taken_out_and_their_batches_are_published_again(root: OutputRoot):
    for run_id, batch in (("r1", "mon"), ("r2", "tue")):
        publish_run(root, plan_for(root, run_id, batch))
    for path in Path(root.path("samples")).rglob("batch=mon/*.parquet"):
        path.unlink()
    words = list(repair(root))
    assert words[0] == "samples: 2 files that somebody has deleted are out of the table now; rows of batch mon were lost"
    assert words[1].startswith("runs: removed the rows of batch mon; run it again")
    assert newest_of(root.runs(), "mon") is None
    assert everything(root)["samples"] == keys_of("r2")["samples"]
    assert everything(root)["conversations"] == keys_of("r2")["conversations"]  # a batch as a whole or not at all
    publish_run(root, plan_for(root, "r3", "mon"))
    assert seen(root, "samples", "mon") == keys_of("r3")["samples"]


def test_files_that_nothing_needs_are_deleted_by_the_clock_of_the_store(root: OutputRoot, monkeypatch: pytest.MonkeyPatch):
    """The clock of the driver that replaced the batch was 400 days slow, and so says the log that its files were replaced long ago."""
    publish_run(root, plan_for(root, "r1", "mon"))
    monkeypatch.setattr(time, "time_ns", lambda: 10**9 * 1_700_000_000)
    publish_run(root, plan_for(root, "r2", "mon"))
    folder = Path(root.path("samples", "dialect=glm_4", "split=train", "batch=mon"))
    for name, days in (("old-0.parquet", 40), ("new-0.parquet", 20)):
        (folder / name).write_bytes(b"of a task that ended late")
        os.utime(folder / name, (now := os.stat(folder).st_mtime - 86_400 * days, now))
    for path in Path(root.path("samples")).rglob("r1-*.parquet"):
        os.utime(path, (now := os.stat(folder).st_mtime - 86_400 * 60, now))
    assert list(repair(root)) == ["samples: deleted 1 file that no version of the last 30 days needs"]
    assert sorted(path.name for path in folder.iterdir() if "old" in path.name or "new" in path.name) == ["new-0.parquet"]
    assert seen(root, "samples", run_id="r1") == keys_of("r1")["samples"]
    assert everything(root) == keys_of("r2") | {"images": ["r1.png", "r2.png"]}


def test_what_others_have_changed_stays_and_is_named(root: OutputRoot):
    publish_run(root, plan_for(root, "r1", "mon"), states=[("conversations", 1)])
    append_foreign(root, "samples", "x", "half")
    append_foreign(root, "conversations", "y", "mon")
    words = list(repair(root))
    assert "samples: has rows of batch half, which no run has published; they stay, and readers of the snapshot do not see them" in words
    stays = "somebody has changed it, and that stays until the batch is run again with --force"
    assert f"conversations: batch mon has 2 rows, and its newest run published 1; {stays}" in words
    assert seen(root, "conversations") == ["r1-c", "y"]
    assert DeltaTable(root.path("samples")).to_pyarrow_table().num_rows == 3


@pytest.mark.parametrize("table", ["conversations", "samples", "quarantine"])
def test_a_batch_whose_rows_somebody_has_deleted_is_named(root: OutputRoot, table: str):
    publish_run(root, plan_for(root, "r1", "mon"))
    DeltaTable(root.path(table), storage_options=root.table_options()).delete()
    stays = "somebody has changed it, and that stays until the batch is run again with --force"
    published = 2 if table == "samples" else 1
    assert list(repair(root)) == [f"{table}: batch mon has 0 rows, and its newest run published {published}; {stays}"]


def old_root(folder: Path, form: str) -> OutputRoot:
    """A root of version 0.1.0: batch n0 run twice, n1 and n2 once."""
    with tarfile.open(DATA / f"{form}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return OutputRoot(str(folder / "out"))


@pytest.mark.parametrize("form", ["delta", "parquet"])
def test_a_root_of_version_0_1_0_is_refused_by_readers_and_brought_over(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]):
    root = old_root(tmp_path, form)
    with pytest.raises(NotPublished, match=r"was written by version 0\.1\.0; bring it over once with: episodes repair "):
        open_root(root.uri)
    files = sorted(Path(root.uri).rglob("split=*/**/*.parquet"))
    assert episodes(["snapshot", root.uri]) == 2
    assert episodes(["repair", root.uri]) == 0
    assert "runs: kept 3 rows of 4, the newest of each batch" in capsys.readouterr().out
    check_brought_over(root)
    assert {path for path in files if path.exists()} >= {Path(root.path(file.path)) for file in open_root(root.uri).files("conversations")}  # written once
    assert list(repair(root)) == []
    publish_run(root, plan_for(root, "new", "n1"))
    published = open_root(root.uri)
    assert seen(root, "conversations", "n1") == ["new-c"]
    assert Counter(row["batch"] for row in published.rows("conversations", columns=["batch"])) == {"n0": 12, "n1": 1, "n2": 13}


def check_brought_over(root: OutputRoot) -> None:
    published = open_root(root.uri)
    assert [row["batch"] for row in published.runs] == ["n1", "n0", "n2"]
    assert Counter(row["batch"] for row in published.rows("conversations", columns=["batch"])) == {"n0": 12, "n1": 11, "n2": 13}
    assert Counter(row["batch"] for row in published.rows("quarantine", columns=["batch"])) == {"n0": 1, "n1": 1, "n2": 1}
    assert len(list(published.rows("samples", columns=["sample_id"]))) == 36
    assert all(isinstance(version, int) for version in published_snapshot(root.uri).values())
    inputs = input_rows_of(root, published.runs[0]["run_id"])
    assert [(row["source"], row["records"], row["conversations"], row["quarantined"]) for row in inputs] == [("a", 12, 11, 1)]
    assert published.runs[0]["sources"] == {"a": {"files": 1, "records": 12}}
    assert root.runs()[0]["inputs_sha256"]


@pytest.mark.parametrize("form", ["delta", "parquet"])
@pytest.mark.parametrize("step", range(1, 6))
def test_bringing_over_can_be_stopped_and_repeated(tmp_path: Path, form: str, step: int, monkeypatch: pytest.MonkeyPatch):
    from pipelines.tables.publication import bring_over

    root, left = old_root(tmp_path, form), [step]
    commit = bring_over.commit

    def stops(*arguments: Any, **named: Any) -> int:
        left[0] -= 1
        if not left[0]:
            raise OSError("stopped")
        return commit(*arguments, **named)

    monkeypatch.setattr(bring_over, "commit", stops)
    with pytest.raises(OSError, match="stopped"):
        list(repair(root))
    monkeypatch.setattr(bring_over, "commit", commit)
    list(repair(root))
    check_brought_over(root)


def test_what_a_killed_run_of_version_0_1_0_has_left_is_undone(tmp_path: Path):
    root = old_root(tmp_path, "delta")
    table = DeltaTable(root.path("conversations"))
    write_deltalake(root.path("conversations"), table.to_pyarrow_table().slice(0, 1), mode="append")
    words = list(repair(root))
    assert words[0] == f"conversations: restored version {table.version()}; later versions are of a run that was killed"
    check_brought_over(root)
