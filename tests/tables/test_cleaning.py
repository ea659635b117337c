"""What publication deletes: files of runs that died, and never a file that is in a table or was replaced not long ago."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.tables.publication.cleaning import Begun, apply_retention, note_begun, remove_failed_attempts, remove_run, unfinished_runs
from pipelines.tables.publication.delta import commit, open_delta
from pipelines.tables.publication.plan import Added, Plan, plan_of, write_plan
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.schema import COLUMNS
from pipelines.tables.writing import FileSet, FileWriter

DAY = 86_400


@pytest.fixture
def root(tmp_path: Path) -> OutputRoot:
    return OutputRoot(str(tmp_path))


def write(root: OutputRoot, stem: str) -> Added:
    """A file with one picture in the folder of table `images`, not committed."""
    writer = FileWriter(root.uri, stem, {"images": COLUMNS["images"]}, root.stores)
    writer.add("images", "", dict.fromkeys(COLUMNS["images"].names) | {"uri": stem}, 100)
    return plan_of("r", "b", FileSet(root.uri, writer.close())).tables["images"][0]


def images(root: OutputRoot) -> list[str]:
    return sorted(path.name for path in Path(root.path("images")).glob("*.parquet"))


def age(root: OutputRoot, *names: str, days: int) -> None:
    for path in [Path(root.path(*names)), *Path(root.path(*names)).rglob("*")]:
        os.utime(path, (path.stat().st_mtime - days * DAY,) * 2)


def test_a_run_that_died_is_removed_with_its_files(root: OutputRoot):
    note_begun(root, Begun("b.1", "b", -1))
    write(root, "b.1-0-7")
    write(root, "b.10-0-7")
    root.write_json({}, "_work", "b.1", "drafts.json")
    assert [begun.run_id for begun in unfinished_runs(root, "b", [])] == ["b.1"]
    remove_run(root, "b.1", "b")
    assert images(root) == ["b.10-0-7-0.parquet"]
    assert not root.exists("_runs", "b.1", "started.json")
    assert not root.exists("_work", "b.1", "drafts.json")


def test_files_of_a_run_whose_row_was_deleted_stay_while_a_table_has_them_or_had_them_until_not_long_ago(root: OutputRoot):
    live, replaced, dead = (write(root, f"b.1-{number}") for number in range(3))
    commit(root, "images", None, [live], [], run_id="b.1")
    root.write_json({"table": "images", "files": [replaced.path]}, "_replaced", "b.2-images.json")
    remove_run(root, "b.1", "b")
    assert images(root) == [live.path, replaced.path]
    assert dead.path not in images(root)


def test_failed_attempts_of_a_published_run_are_removed_but_not_what_it_is_merging(root: OutputRoot):
    planned, merged = write(root, "b.1-0-1"), write(root, "b.1-merged-0")
    write(root, "b.1-0-0")
    write_plan(root, Plan("b.1", "b", {"images": [planned]}))
    remove_failed_attempts(root, "b.1", "b")
    assert images(root) == sorted([planned.path, merged.path])


def test_retention_deletes_what_was_replaced_long_ago_unless_it_is_in_the_table(root: OutputRoot):
    note_begun(root, Begun("b.2", "b", -1))
    live, replaced, young = (write(root, f"b.1-{number}") for number in range(3))
    commit(root, "images", None, [live], [], run_id="b.1")
    root.write_json({"table": "images", "files": [live.path, replaced.path]}, "_replaced", "b.2-images.json")
    age(root, "_replaced", days=40)
    root.write_json({"table": "images", "files": [young.path]}, "_replaced", "b.3-images.json")
    apply_retention(root, [], "b.2", 30)
    assert images(root) == sorted([live.path, young.path])
    assert open_delta(root, "images") is not None


def test_retention_deletes_old_work_of_runs_that_are_not_known(root: OutputRoot):
    for run_id in ("b.1", "b.2", "b.3"):
        root.write_json({}, "_work", run_id, "list.json")
    note_begun(root, Begun("b.2", "b", -1))
    age(root, "_work", days=40)
    root.write_json({}, "_work", "b.3", "another.json")
    apply_retention(root, [{"run_id": "b.2"}], "b.2", 30)
    assert sorted(path.name for path in Path(root.path("_work")).iterdir()) == ["b.2", "b.3"]
