"""What runs leave that died or were replaced is removed, and nothing that a reader needs."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.storage.files import delete_files, file_exists, files_below, names_in, write_file
from pipelines.storage.locks import LostRace
from pipelines.tables.publication.cleaning import (
    Begun,
    apply_retention,
    has_ended,
    note_begun,
    remove_failed_attempts,
    remove_run,
    remove_unfinished,
    unfinished_runs,
)
from pipelines.tables.publication.complete import complete
from pipelines.tables.publication.delta import commit, open_delta
from pipelines.tables.publication.plan import Plan
from pipelines.tables.publication.publish import publish
from pipelines.tables.publication.root import SNAPSHOT_TABLES, OutputRoot
from pipelines.training.delta_log import table_state
from tests.published import DAYS, begin_run, publish_run, row_for
from tests.tables.publication.kit import Killed, at, delta, everything, in_delta, keys_of, kill, on_disk_and_in_a_store, plan_for, seen

DAY = 86_400


def begun(root: OutputRoot, run_id: str, batch: str = "mon") -> Plan:
    """A run that has written everything and has not published."""
    plan = plan_for(root, run_id, batch)
    begin_run(root, plan)
    write_file(f"{root.work_folder(run_id)}/drafts/a.parquet", b"x", root.stores)
    return plan


def end(root: OutputRoot, run_id: str) -> None:
    """The run was not meant to be published: a gate failed."""
    root.write_json({"run_id": run_id, "status": "gate_failed"}, "_runs", run_id, "manifest.json")


def files_of(root: OutputRoot, run_id: str) -> list[str]:
    """The files in the tables' folders, and the folders beside them, that are named after this run."""
    tables = [path for table in SNAPSHOT_TABLES for path, _ in files_below(root.path(table), root.stores) if f"/{run_id}-" in path]
    return tables + [name for name in ("_runs", "_work") if run_id in names_in(root.path(name), root.stores)]


def backdate(root: OutputRoot, days: float, *names: str) -> None:
    """Makes a file older by the store's own clock. On disk only."""
    path = Path(root.path(*names))
    moment = path.stat().st_mtime - days * DAY
    os.utime(path, (moment, moment))


@pytest.fixture
def disk(tmp_path: Path) -> OutputRoot:
    return OutputRoot(str(tmp_path / "out"))


@on_disk_and_in_a_store
def test_a_run_that_has_begun_and_neither_published_nor_ended_is_unfinished(root: OutputRoot):
    assert unfinished_runs(root, "mon", []) == []
    publish_run(root, plan_for(root, "mon.1", "mon"))
    for run_id, batch in (("mon.2", "mon"), ("mon.3", "mon"), ("mon.extra.4", "mon.extra"), ("tue.5", "tue")):
        begun(root, run_id, batch)
    end(root, "mon.3")
    runs = root.runs()
    assert unfinished_runs(root, "mon", runs) == [Begun("mon.2", "mon", 0)]
    assert unfinished_runs(root, "mon.extra", runs) == [Begun("mon.extra.4", "mon.extra", 0)]
    assert [has_ended(root, run_id) for run_id in ("mon.1", "mon.2", "mon.3", "none")] == [False, False, True, False]


@on_disk_and_in_a_store
def test_everything_of_a_run_is_removed_and_nothing_of_others(root: OutputRoot):
    publish_run(root, plan_for(root, "mon.1", "mon"))
    for run_id in ("mon.2", "mon.20", "mon.3"):
        begun(root, run_id)
    before = {run_id: files_of(root, run_id) for run_id in ("mon.1", "mon.20", "mon.3")}
    assert len(files_of(root, "mon.2")) == 7
    points: list[str] = []
    remove_run(replace(root, on_point=points.append), "mon.2", "mon")
    assert (files_of(root, "mon.2"), points) == ([], ["run: removed"])
    assert {run_id: files_of(root, run_id) for run_id in before} == before
    assert everything(root) == keys_of("mon.1")
    remove_run(root, "mon.2", "mon")


@on_disk_and_in_a_store
def test_only_runs_that_cannot_publish_any_more_are_removed(root: OutputRoot):
    """A run that was compared with the newest row of its batch may still be alive and publish."""
    begun(root, "mon.1")
    publish_run(root, plan_for(root, "mon.2", "mon"))
    alive = begun(root, "mon.3")
    runs = root.runs()
    remove_unfinished(root, unfinished_runs(root, "mon", runs), runs[-1]["version"])
    assert (files_of(root, "mon.1"), len(files_of(root, "mon.3"))) == ([], 7)
    publish(root, alive, row_for(alive), runs[-1], DAYS)
    assert everything(root) == keys_of("mon.3") | {"images": ["mon.2.png", "mon.3.png"]}


def test_a_run_that_was_taken_for_dead_loses_and_does_not_publish_a_part(root: OutputRoot):
    zombie = begun(root, "mon.1")
    row = publish_run(root, plan_for(root, "mon.2", "mon"))
    remove_unfinished(root, unfinished_runs(root, "mon", root.runs()), row["version"])
    with pytest.raises(LostRace, match=r"run mon\.2 published batch mon"):
        publish(root, zombie, row_for(zombie), None, DAYS)
    delta(root, "runs").delete("run_id = 'mon.2'")  # and even if the row that beat it is gone
    with pytest.raises(LostRace, match="1 file of this run is gone"):
        publish(root, zombie, row_for(zombie), None, DAYS)


@on_disk_and_in_a_store
def test_files_of_failed_attempts_are_removed_from_a_published_run(root: OutputRoot):
    plan = plan_for(root, "mon.1", "mon")
    left = [root.path(table, file.path.replace("mon.1-0", "mon.1-0-7")) for table in SNAPSHOT_TABLES for file in plan.tables[table]]
    for path in left:
        write_file(path, b"of a failed attempt", root.stores)
    publish_run(root, plan)
    other = begun(root, "mon.2")
    remove_failed_attempts(root, "mon.1", "mon")
    assert not any(file_exists(path, root.stores) for path in left)
    assert everything(root) == keys_of("mon.1")
    assert all(file_exists(root.path(table, file.path), root.stores) for table in SNAPSHOT_TABLES for file in other.tables[table])


def test_files_of_a_run_whose_row_was_deleted_stay_while_a_table_has_them(root: OutputRoot):
    publish_run(root, plan_for(root, "mon.1", "mon"))
    publish_run(root, plan_for(root, "mon.2", "mon"))
    delta(root, "runs").delete("run_id = 'mon.2'")
    remove_run(root, "mon.2", "mon")
    assert everything(root) == keys_of("mon.1")
    assert in_delta(root, "samples") == keys_of("mon.2")["samples"]
    row = publish_run(root, plan_for(root, "mon.3", "mon"))
    remove_unfinished(root, [Begun("mon.2", "mon", 0)], row["version"])
    assert {table: in_delta(root, table) for table in SNAPSHOT_TABLES} == everything(root)
    assert seen(root, "images") == ["mon.1.png", "mon.2.png", "mon.3.png"]


def test_replaced_files_are_deleted_after_the_retention(disk: OutputRoot):
    for run_id in ("mon.1", "mon.2", "mon.3"):
        publish_run(disk, plan_for(disk, run_id, "mon"))
    backdate(disk, 7.1, "_replaced", "mon.2-samples.json")
    backdate(disk, 6.9, "_replaced", "mon.3-samples.json")
    apply_retention(disk, disk.runs(), "mon.3", 7)
    assert [path for path in files_of(disk, "mon.1") if "/samples/" in path] == []
    assert len([path for path in files_of(disk, "mon.2") if "/samples/" in path]) == 2
    assert not disk.exists("_replaced", "mon.2-samples.json")
    assert disk.exists("_replaced", "mon.2-quarantine.json")
    assert everything(disk) == keys_of("mon.3") | {"images": ["mon.1.png", "mon.2.png", "mon.3.png"]}
    assert seen(disk, "samples", run_id="mon.2") == keys_of("mon.2")["samples"]
    with pytest.raises(FileNotFoundError):
        seen(disk, "samples", run_id="mon.1")


def test_retention_asks_the_clock_of_the_store_alone(disk: OutputRoot):
    """All times are 400 days in the past, or in the future: nothing is older than it was."""
    for run_id in ("mon.1", "mon.2"):
        publish_run(disk, plan_for(disk, run_id, "mon"))
    before = sorted(path for path, _ in files_below(disk.uri, disk.stores))
    for days in (400, -800):
        for path in before:
            backdate(disk, days, path.removeprefix(disk.uri + "/"))
        apply_retention(disk, disk.runs(), "mon.2", 1)
    assert sorted(path for path, _ in files_below(disk.uri, disk.stores)) == before


def log_of(root: OutputRoot, table: str) -> list[str]:
    """What is in the log of the table, in short: 3 is the commit of version 3, and 3c its checkpoint."""
    names = [name for name in names_in(root.path(table, "_delta_log"), root.stores) if name[0].isdigit()]
    return [f"{int(name[:20])}{'c' if 'checkpoint' in name else ''}" for name in names]


def test_old_commits_are_deleted_up_to_a_checkpoint_by_the_clock_of_the_store(disk: OutputRoot):
    """deltalake would delete them by the driver's clock as soon as it writes the next checkpoint."""
    for run_id in ("mon.1", "mon.2"):
        publish_run(disk, plan_for(disk, run_id, "mon"))
    for version in range(2, 30):
        commit(disk, "samples", open_delta(disk, "samples"), [], [], run_id="r", applied=version)
    for name in names_in(disk.path("samples", "_delta_log"), disk.stores):
        backdate(disk, 31 if name[0].isdigit() and int(name[:20]) < 29 else 0, "samples", "_delta_log", name)
    for version in range(30, 45):
        commit(disk, "samples", open_delta(disk, "samples"), [], [], run_id="r", applied=version)
    checkpoints = [name for name in log_of(disk, "samples") if name.endswith("c")]
    assert checkpoints == ["19c", "39c"]
    assert [name for name in log_of(disk, "samples") if not name.endswith("c")] == [str(version) for version in range(45)]

    apply_retention(disk, disk.runs(), "mon.2", 7)
    assert log_of(disk, "samples") == ["19c", *map(str, range(19, 39)), "39c", *map(str, range(39, 45))]
    assert in_delta(disk, "samples") == keys_of("mon.2")["samples"]
    assert delta(disk, "samples").version() == 44
    for version in (20, 30):
        assert table_state(disk.filesystem(), "samples", applied=version).version == version
    assert len(log_of(disk, "conversations")) == 2


def test_a_list_that_a_killed_driver_has_not_finished_is_deleted_after_the_retention(disk: OutputRoot):
    publish_run(disk, plan_for(disk, "mon.1", "mon"))
    write_file(disk.path("_replaced", ".mon.1-samples.json.host.1.2"), b'{"table": "sam', disk.stores)
    apply_retention(disk, disk.runs(), "mon.1", 7)
    assert names_in(disk.path("_replaced"), disk.stores) == [".mon.1-samples.json.host.1.2"]
    backdate(disk, 8, "_replaced", ".mon.1-samples.json.host.1.2")
    apply_retention(disk, disk.runs(), "mon.1", 7)
    assert names_in(disk.path("_replaced"), disk.stores) == []


def test_a_listed_file_that_a_table_has_is_not_deleted(disk: OutputRoot):
    """The finisher that wrote the list was killed before its commit, or somebody has restored the table."""
    publish_run(disk, plan_for(disk, "mon.1", "mon"))
    publish_run(disk, plan_for(disk, "mon.2", "mon"), completed=False)
    with pytest.raises(Killed):
        complete(replace(disk, on_point=at({"quarantine: before": kill})), disk.runs(), DAYS)
    disk.write_json({"table": "quarantine", "files": ["batch=mon/mon.1-0.parquet"]}, "_replaced", "mon.2-quarantine.json")
    backdate(disk, 8, "_replaced", "mon.2-quarantine.json")
    apply_retention(disk, disk.runs(), "mon.2", 7)
    assert in_delta(disk, "quarantine") == keys_of("mon.1")["quarantine"]
    complete(disk, disk.runs(), DAYS)
    assert everything(disk) == keys_of("mon.2") | {"images": ["mon.1.png", "mon.2.png"]}


def test_runs_that_were_never_published_are_removed_after_the_retention(disk: OutputRoot):
    publish_run(disk, plan_for(disk, "mon.1", "mon"))
    for run_id in ("mon.2", "mon.3", "mon.4"):
        begun(disk, run_id)
    end(disk, "mon.2")
    write_file(disk.path("_runs", "strange", "file"), b"x", disk.stores)
    publish_run(disk, plan_for(disk, "tue.5", "tue"))
    for run_id, days in (("mon.1", 90), ("mon.2", 8), ("mon.3", 8), ("mon.4", 6)):
        backdate(disk, days, "_runs", run_id, "started.json")
    apply_retention(disk, disk.runs(), "tue.5", 7)
    assert [len(files_of(disk, run_id)) for run_id in ("mon.1", "mon.2", "mon.3", "mon.4", "tue.5")] == [6, 0, 0, 7, 6]
    assert names_in(disk.path("_runs"), disk.stores) == ["mon.1", "mon.4", "strange", "tue.5"]


def test_the_images_of_a_run_whose_row_was_deleted_outlive_the_retention(disk: OutputRoot):
    publish_run(disk, plan_for(disk, "mon.1", "mon"))
    publish_run(disk, plan_for(disk, "tue.2", "tue"))
    delta(disk, "runs").delete("run_id = 'mon.1'")
    backdate(disk, 30, "_runs", "mon.1", "started.json")
    apply_retention(disk, disk.runs(), "tue.2", 7)
    assert seen(disk, "images") == ["mon.1.png", "tue.2.png"]
    assert in_delta(disk, "samples") == sorted(keys_of("mon.1")["samples"] + keys_of("tue.2")["samples"])


@pytest.mark.parametrize("point", ["retention: samples", "run: removed"])
def test_cleaning_that_is_killed_goes_on_with_the_next_run(disk: OutputRoot, point: str):
    for run_id in ("mon.1", "mon.2"):
        publish_run(disk, plan_for(disk, run_id, "mon"))
    begun(disk, "mon.3")
    begun(disk, "mon.4")
    for names in (["_replaced", f"mon.2-{table}.json"] for table in ("conversations", "samples", "quarantine")):
        backdate(disk, 8, *names)
    for run_id in ("mon.3", "mon.4"):
        backdate(disk, 8, "_runs", run_id, "started.json")
    with pytest.raises(Killed):
        apply_retention(replace(disk, on_point=at({point: kill})), disk.runs(), "mon.2", 7)
    assert everything(disk) == keys_of("mon.2") | {"images": ["mon.1.png", "mon.2.png"]}
    apply_retention(disk, disk.runs(), "mon.2", 7)
    assert (names_in(disk.path("_replaced"), disk.stores), names_in(disk.path("_runs"), disk.stores)) == ([], ["mon.1", "mon.2"])


def test_a_note_of_a_run_is_read_as_it_was_written(root: OutputRoot):
    note_begun(root, Begun("mon.1", "mon", 5))
    assert unfinished_runs(root, "mon", []) == [Begun("mon.1", "mon", 5)]
    delete_files([root.path("_runs", "mon.1", "started.json")], root.stores)
    assert unfinished_runs(root, "mon", []) == []
