"""One commit to table `runs` decides what is published, at the version that the run was compared with."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.storage.files import delete_files, write_file
from pipelines.storage.locks import LostRace
from pipelines.tables.publication import publish as module
from pipelines.tables.publication.plan import Plan, read_plan, write_plan
from pipelines.tables.publication.publish import RowCountMismatch, check_rows, publish
from pipelines.tables.publication.root import SNAPSHOT_TABLES, OutputRoot, newest_of
from pipelines.training.tables import NotPublished
from tests.published import DAYS, begin_run, publish_run, row_for
from tests.tables.publication.kit import Killed, at, delta, everything, keys_of, kill, on_disk_and_in_a_store, plan_for, seen


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.tables.publication.delta.PAUSE_SECONDS", 0)


def ready(root: OutputRoot, run_id: str, batch: str = "mon") -> Plan:
    plan = plan_for(root, run_id, batch)
    begin_run(root, plan)
    return plan


def run_ids(root: OutputRoot) -> list[str]:
    return [row["run_id"] for row in root.runs()]


@on_disk_and_in_a_store
def test_a_plan_is_read_as_it_was_written(root: OutputRoot):
    plan = plan_for(root, "r1", "mon")
    write_plan(root, plan)
    assert read_plan(root, "r1") == plan
    with pytest.raises(FileNotFoundError):
        read_plan(root, "r2")


@on_disk_and_in_a_store
def test_readers_see_nothing_before_the_commit_of_runs_and_everything_after_it(root: OutputRoot):
    plan = ready(root, "r1")
    assert root.runs() == []
    with pytest.raises(NotPublished):
        root.published()
    row = publish(root, plan, row_for(plan), None, DAYS)[-1]
    assert (row["version"], row["run_id"]) == (0, "r1")
    assert everything(root) == keys_of("r1")


def test_the_row_has_the_version_of_its_commit_and_those_that_the_tables_will_have(root: OutputRoot):
    publish_run(root, plan_for(root, "r1", "mon"))
    row = publish_run(root, plan_for(root, "r2", "tue"), states=[("records", 3)])
    assert (row["version"], row["versions"]) == (1, dict.fromkeys(SNAPSHOT_TABLES, 1))
    assert row["states"] == {"records": 3}
    assert root.runs()[-1] == row


def test_a_run_loses_if_another_has_published_the_batch_since_it_was_compared(root: OutputRoot):
    first, second = ready(root, "r1"), ready(root, "r2")
    publish(root, first, row_for(first), None, DAYS)
    with pytest.raises(LostRace, match=r"^run r1 published batch mon while this run was working$"):
        publish(root, second, row_for(second), None, DAYS)
    assert (run_ids(root), everything(root)) == (["r1"], keys_of("r1"))
    again = ready(root, "r3")
    publish(root, again, row_for(again), newest_of(root.runs(), "mon"), DAYS)
    assert run_ids(root) == ["r1", "r3"]


@pytest.mark.parametrize("older", [[], ["r0"]])
def test_a_run_loses_if_the_row_that_it_was_compared_with_is_gone(root: OutputRoot, older: list[str]):
    for run_id in [*older, "r1"]:
        earlier = publish_run(root, plan_for(root, run_id, "mon"))
    delta(root, "runs").delete("run_id = 'r1'")
    plan = ready(root, "r2")
    with pytest.raises(LostRace, match=r"^the row of run r1, with which this run was compared, is no longer in table runs; run again$"):
        publish(root, plan, row_for(plan), earlier, DAYS)


@on_disk_and_in_a_store
def test_of_two_that_publish_the_batch_at_the_same_moment_one_loses(root: OutputRoot):
    """The other run publishes after this one has compared and before it commits."""
    first, second = ready(root, "r1"), ready(root, "r2")
    watched = replace(root, on_point=at({"runs: before": lambda: publish(root, first, row_for(first), None, DAYS)}))
    with pytest.raises(LostRace, match="run r1 published batch mon"):
        publish(watched, second, row_for(second), None, DAYS)
    assert everything(root) == keys_of("r1")


def test_a_run_of_another_batch_at_the_same_moment_makes_it_try_again(root: OutputRoot):
    first, second = ready(root, "r1", "mon"), ready(root, "r2", "tue")
    watched = replace(root, on_point=at({"runs: before": lambda: publish(root, first, row_for(first), None, DAYS)}))
    row = publish(watched, second, row_for(second), None, DAYS)[-1]
    assert [(row["run_id"], row["version"]) for row in root.runs()] == [("r1", 0), ("r2", 1)]
    assert row["version"] == 1
    for table in SNAPSHOT_TABLES:
        assert seen(root, table) == sorted(keys_of("r1")[table] + keys_of("r2")[table])


@on_disk_and_in_a_store
@pytest.mark.parametrize("error", [OSError("no answer"), module.Outdated("a retry of the request found its own commit")])
def test_a_commit_whose_answer_was_lost_is_not_repeated(root: OutputRoot, monkeypatch: pytest.MonkeyPatch, error: Exception):
    commit = module.commit

    def lost(*args: Any, **more: Any) -> int:
        commit(*args, **more)
        monkeypatch.setattr(module, "commit", commit)
        raise error

    monkeypatch.setattr(module, "commit", lost)
    plan = ready(root, "r1")
    if isinstance(error, OSError):
        with pytest.raises(OSError, match="no answer"):
            publish(root, plan, row_for(plan), None, DAYS)
    assert publish(root, plan, row_for(plan), None, DAYS)[-1]["version"] == 0
    assert (run_ids(root), everything(root)) == (["r1"], keys_of("r1"))


def test_a_lost_commit_that_was_followed_by_another_run_of_the_batch_is_still_found(root: OutputRoot):
    first = ready(root, "r1")
    row = publish(root, first, row_for(first), None, DAYS)[-1]
    publish_run(root, plan_for(root, "r2", "mon"))
    assert publish(root, first, row_for(first), None, DAYS)[-1] == row
    assert run_ids(root) == ["r1", "r2"]


@on_disk_and_in_a_store
@pytest.mark.parametrize("table", SNAPSHOT_TABLES)
def test_a_run_whose_files_are_gone_or_cut_short_does_not_publish(root: OutputRoot, table: str):
    plan = ready(root, "r1")
    path = root.path(table, plan.tables[table][0].path)
    write_file(path, b"cut", root.stores)
    with pytest.raises(LostRace, match=rf"^{table}: 1 file of this run is gone, the first .*r1-0.parquet; run again$"):
        publish(root, plan, row_for(plan), None, DAYS)
    delete_files([path], root.stores)
    with pytest.raises(LostRace, match=f"^{table}: 1 file"):
        publish(root, plan, row_for(plan), None, DAYS)
    assert root.runs() == []


def test_files_that_are_removed_before_a_second_attempt_are_missed(root: OutputRoot):
    """The attempt fails because of another batch; meanwhile somebody takes this run for dead."""
    first, second = ready(root, "r1", "mon"), ready(root, "r2", "tue")

    def between() -> None:
        publish(root, first, row_for(first), None, DAYS)
        delete_files([root.path("quarantine", second.tables["quarantine"][0].path)], root.stores)

    with pytest.raises(LostRace, match="quarantine: 1 file"):
        publish(replace(root, on_point=at({"runs: before": between})), second, row_for(second), None, DAYS)
    assert run_ids(root) == ["r1"]


def test_a_run_gives_up_if_others_publish_all_the_time(root: OutputRoot, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST_ATTEMPTS", 3)
    attempts = []

    def outdated(*args: Any, **more: Any) -> int:
        attempts.append(args)
        raise module.Outdated

    monkeypatch.setattr(module, "commit", outdated)
    plan = ready(root, "r1")
    with pytest.raises(LostRace, match="other runs kept publishing under"):
        publish(root, plan, row_for(plan), None, DAYS)
    assert len(attempts) == 3


@pytest.mark.parametrize(("point", "published"), [("runs: before", False), ("runs: after", True)])
def test_a_driver_that_is_killed_has_published_or_not(root: OutputRoot, point: str, published: bool):
    plan = ready(root, "r1")
    with pytest.raises(Killed):
        publish(replace(root, on_point=at({point: kill})), plan, row_for(plan), None, DAYS)
    assert run_ids(root) == ["r1"] * published
    if published:
        assert everything(root) == keys_of("r1")


@on_disk_and_in_a_store
def test_a_first_run_that_dies_before_its_commit_leaves_a_root_where_nothing_is_published(root: OutputRoot, monkeypatch: pytest.MonkeyPatch):
    """The file of its row is written already. Roots of version 0.1.0 had such files and no log."""
    plan = ready(root, "r1")
    commit = module.commit
    monkeypatch.setattr(module, "commit", lambda *args, **more: kill())
    with pytest.raises(Killed):
        publish(root, plan, row_for(plan), None, DAYS)
    write_file(root.path("runs", "r2-0-0.parquet"), b"PAR1 and no more", root.stores)
    assert root.runs() == []
    with pytest.raises(NotPublished, match="nothing is published"):
        root.published()
    monkeypatch.setattr(module, "commit", commit)
    publish(root, plan, row_for(plan), None, DAYS)
    assert everything(root) == keys_of("r1")


def test_files_must_have_the_rows_of_the_books(tmp_path: Path):
    plan = plan_for(OutputRoot(str(tmp_path)), "r1", "mon")
    check_rows(plan, {"conversations": 1, "samples": 2, "quarantine": 1})
    check_rows(Plan("r2", "mon", {}), {"conversations": 0, "samples": 0, "quarantine": 0})
    with pytest.raises(RowCountMismatch, match=r"^samples: the files of batch mon have 2 rows, but the books have 3$"):
        check_rows(plan, {"samples": 3})
    with pytest.raises(RowCountMismatch, match=r"^samples: the files of batch mon have 0 rows, but the books have 1$"):
        check_rows(Plan("r2", "mon", {}), {"samples": 1})
