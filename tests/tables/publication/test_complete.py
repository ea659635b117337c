"""Every published run reaches every table once and in order, whoever completes it and whatever others commit."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.storage.files import delete_files, names_in, read_file, write_file
from pipelines.tables.publication import complete as module
from pipelines.tables.publication.complete import RootDamaged, complete, read_manifest
from pipelines.tables.publication.root import BATCH_TABLES, SNAPSHOT_TABLES, OutputRoot
from tests.published import DAYS, plan_rows, publish_run
from tests.tables.publication.kit import (
    Killed,
    append_foreign,
    at,
    delta,
    everything,
    in_delta,
    keys_of,
    kill,
    on_disk_and_in_a_store,
    plan_for,
    seen,
    transactions,
)


@pytest.fixture
def lagging(root: OutputRoot) -> OutputRoot:
    """A root whose tables have r1 and lack r2, which replaces its batch, and r3."""
    publish_run(root, plan_for(root, "r1", "mon"))
    publish_run(root, plan_for(root, "r2", "mon"), completed=False)
    publish_run(root, plan_for(root, "r3", "tue"), completed=False)
    return root


def wanted(table: str) -> list[str]:
    """The keys of a table that has r1, r2 and r3."""
    return sorted(keys_of("r2")[table] + keys_of("r3")[table] + (keys_of("r1")[table] if table == "images" else []))


def assert_complete(root: OutputRoot) -> None:
    for table in SNAPSHOT_TABLES:
        assert transactions(root, table) == [0, 1, 2]
        assert in_delta(root, table) == seen(root, table) == wanted(table)


@on_disk_and_in_a_store
def test_the_runs_reach_every_table_in_the_order_of_their_publication(lagging: OutputRoot):
    before = everything(lagging)
    words = complete(lagging, lagging.runs(), DAYS)
    assert words == [f"{table}: completed run {run_id}" for table in SNAPSHOT_TABLES for run_id in ("r2", "r3")]
    assert_complete(lagging)
    assert everything(lagging) == before
    assert complete(lagging, lagging.runs(), DAYS) == []


@on_disk_and_in_a_store
def test_a_root_without_runs_is_complete(root: OutputRoot):
    assert complete(root, [], DAYS) == []
    assert names_in(root.uri, root.stores) == []


@on_disk_and_in_a_store
def test_finishers_at_the_same_time_complete_each_run_once(lagging: OutputRoot):
    runs = lagging.runs()
    with ThreadPoolExecutor(4) as executor:
        words = [word for found in executor.map(lambda _: complete(lagging, runs, DAYS), range(4)) for word in found]
    assert sorted(words) == sorted(f"{table}: completed run {run_id}" for table in SNAPSHOT_TABLES for run_id in ("r2", "r3"))
    assert_complete(lagging)


@pytest.mark.parametrize("table", SNAPSHOT_TABLES)
def test_a_finisher_that_comes_between_is_not_repeated(lagging: OutputRoot, table: str):
    runs = lagging.runs()
    watched = replace(lagging, on_point=at({f"{table}: before": lambda: complete(lagging, runs, DAYS)}))
    assert not any(word.startswith(f"{table}:") for word in complete(watched, runs, DAYS))
    assert_complete(lagging)


def test_a_finisher_with_an_old_list_of_runs_changes_nothing_newer(lagging: OutputRoot):
    old = lagging.runs()[:2]
    complete(lagging, lagging.runs(), DAYS)
    complete(lagging, old, DAYS)
    assert_complete(lagging)
    assert read_manifest(lagging, "mon")["run_id"] == "r2"


POINTS = [*(f"{table}: {when}" for table in SNAPSHOT_TABLES for when in ("before", "after")), "report: published", "manifest: published"]


@pytest.mark.parametrize("point", POINTS)
def test_a_finisher_that_is_killed_is_completed_by_the_next(lagging: OutputRoot, point: str):
    before = everything(lagging)
    with pytest.raises(Killed):
        complete(replace(lagging, on_point=at({point: kill})), lagging.runs(), DAYS)
    assert everything(lagging) == before
    complete(lagging, lagging.runs(), DAYS)
    assert_complete(lagging)
    assert read_manifest(lagging, "tue")["run_id"] == "r3"


def test_these_are_all_points_of_a_finisher(lagging: OutputRoot):
    points: list[str] = []
    complete(replace(lagging, on_point=points.append), lagging.runs(), DAYS)
    assert sorted(set(points)) == sorted(POINTS)


def appended(root: OutputRoot) -> None:
    append_foreign(root, "samples", "x", "mon")
    append_foreign(root, "samples", "y", "unknown")


def deleted(root: OutputRoot) -> None:
    delta(root, "samples").delete("sample_id = 'r1-val'")


def optimized(root: OutputRoot) -> None:
    delta(root, "samples").optimize.compact()


def vacuumed(root: OutputRoot) -> None:
    """Keeps what is younger than the table's retention, so also files that are not committed yet."""
    delta(root, "samples").vacuum(dry_run=False, full=True)


@on_disk_and_in_a_store
@pytest.mark.parametrize("others", [appended, deleted, optimized, vacuumed])
@pytest.mark.parametrize("when", ["before", "during"])
def test_commits_of_others_stay_and_their_rows_of_a_replaced_batch_go(lagging: OutputRoot, others: Callable[[OutputRoot], None], when: str):
    runs = lagging.runs()
    if when == "before":
        others(lagging)
    points = {"samples: before": lambda: others(lagging)} if when == "during" else {}
    complete(replace(lagging, on_point=at(points)), runs, DAYS)
    assert seen(lagging, "samples") == wanted("samples")
    assert in_delta(lagging, "samples") == wanted("samples") + ["y"] * (others is appended)
    assert transactions(lagging, "samples") == [0, 1, 2]


def test_a_row_that_somebody_deletes_from_runs_is_not_completed(lagging: OutputRoot):
    delta(lagging, "runs").delete("run_id = 'r2'")
    assert seen(lagging, "samples", "mon") == keys_of("r1")["samples"]
    complete(lagging, lagging.runs(), DAYS)
    assert in_delta(lagging, "samples") == sorted(keys_of("r1")["samples"] + keys_of("r3")["samples"])
    assert transactions(lagging, "samples") == [0, 2]


def test_a_file_of_a_published_run_that_is_gone_is_told(lagging: OutputRoot):
    plan = module.read_plan(lagging, "r2")
    delete_files([lagging.path("samples", plan.tables["samples"][0].path)], lagging.stores)
    with pytest.raises(RootDamaged, match=r"^samples: 1 file of the published run r2 is gone, the first dialect=glm_4/.*/r2-0.parquet; run episodes repair "):
        complete(lagging, lagging.runs(), DAYS)
    assert in_delta(lagging, "samples") == keys_of("r1")["samples"]
    write_file(lagging.path("samples", plan.tables["samples"][0].path), b"cut", lagging.stores)
    with pytest.raises(RootDamaged, match="samples: 1 file"):
        complete(lagging, lagging.runs(), DAYS)


def test_a_plan_of_a_published_run_that_is_gone_is_told(lagging: OutputRoot):
    delete_files([lagging.path("_runs", "r2", "plan.json")], lagging.stores)
    with pytest.raises(RootDamaged, match=r"^the plan of run r2 is gone from .*/_runs/r2; run episodes repair "):
        complete(lagging, lagging.runs(), DAYS)


def test_a_plan_is_needed_only_until_the_tables_have_its_run(lagging: OutputRoot):
    complete(lagging, lagging.runs(), DAYS)
    for run_id in ("r1", "r2", "r3"):
        delete_files([lagging.path("_runs", run_id, "plan.json")], lagging.stores)
    assert complete(lagging, lagging.runs(), DAYS) == []
    assert seen(lagging, "samples") == wanted("samples")


def test_a_finisher_gives_up_if_others_commit_all_the_time(lagging: OutputRoot, monkeypatch: pytest.MonkeyPatch):
    def outdated(*args: object, **more: object) -> int:
        raise module.Outdated

    monkeypatch.setattr(module, "MOST_ATTEMPTS", 2)
    monkeypatch.setattr(module, "commit", outdated)
    with pytest.raises(RootDamaged, match=r"^conversations: others kept committing; run again$"):
        complete(lagging, lagging.runs(), DAYS)


@on_disk_and_in_a_store
def test_files_that_a_run_replaces_are_noted_for_retention(lagging: OutputRoot):
    complete(lagging, lagging.runs(), DAYS)
    assert names_in(lagging.path("_replaced"), lagging.stores) == [f"r2-{table}.json" for table in sorted(BATCH_TABLES)]
    assert lagging.read_json("_replaced", "r2-quarantine.json") == {"table": "quarantine", "files": ["batch=mon/r1-0.parquet"]}
    assert lagging.exists("quarantine/batch=mon/r1-0.parquet")


def test_a_batch_without_rows_of_a_table_takes_its_earlier_rows_out(root: OutputRoot):
    publish_run(root, plan_for(root, "r1", "mon"))
    publish_run(root, plan_rows(root, "r2", "mon", {}))
    assert everything(root) == {"conversations": [], "samples": [], "quarantine": [], "images": ["r1.png"]}
    assert all(transactions(root, table) == [0, 1] for table in SNAPSHOT_TABLES)


@on_disk_and_in_a_store
def test_the_report_of_every_batch_is_that_of_its_newest_run(lagging: OutputRoot):
    assert read_manifest(lagging, "wed") == {}
    assert read_manifest(lagging, "mon")["run_id"] == "r1"
    complete(lagging, lagging.runs(), DAYS)
    for batch, run_id in (("mon", "r2"), ("tue", "r3")):
        manifest = read_manifest(lagging, batch)
        assert (manifest["run_id"], manifest["status"]) == (run_id, "published")
        assert read_file(f"{lagging.report_folder(batch)}/report.html", lagging.stores) == f"report of {run_id}".encode()


@on_disk_and_in_a_store
def test_the_work_folder_of_a_published_run_is_deleted(root: OutputRoot):
    write_file(f"{root.work_folder('r1')}/drafts/a.parquet", b"x", root.stores)
    write_file(f"{root.work_folder('r2')}/drafts/a.parquet", b"x", root.stores)
    publish_run(root, plan_for(root, "r1", "mon"))
    assert names_in(root.path("_work"), root.stores) == ["r2"]


def test_a_table_of_an_earlier_version_gets_new_columns_before_the_run(tmp_path: Path):
    from deltalake import DeltaTable, Schema

    root = OutputRoot(str(tmp_path))
    DeltaTable.create(
        root.path("images"), Schema.from_json('{"type": "struct", "fields": [{"name": "uri", "type": "string", "nullable": true, "metadata": {}}]}')
    )
    publish_run(root, plan_for(root, "r1", "mon"))
    assert in_delta(root, "images") == ["r1.png"]
