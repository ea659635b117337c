"""One run per batch at a time: locks on disk, and leases in a store."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from pipelines.config.stores import Storage, stores_of
from pipelines.storage import locks
from pipelines.storage.files import names_in, read_file, write_file
from pipelines.storage.locations import StoreError
from pipelines.storage.locks import LostRace, batch_lock, can_lock
from pipelines.storage.stores import store_of
from tests.servers import Server
from tests.storage.places import Place


@pytest.fixture
def place(server: Server, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An empty root in a store, in which leases are renewed and watched quickly."""
    monkeypatch.setattr(locks, "RENEW_SECONDS", 0.05)
    monkeypatch.setattr(locks, "POLL_SECONDS", 0.02)
    return Place(server.uri, stores_of(Storage.model_validate(server.settings)))


def lease_of(place: Place) -> str:
    return place.path("_leases", "mon.json")


def holder(place: Place) -> dict[str, Any]:
    return json.loads(read_file(lease_of(place), place.stores))


def wait_until(is_true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if is_true():
            return
        time.sleep(0.01)
    raise AssertionError("it has not become true")


def leave_dead_lease(place: Place) -> None:
    store, key = store_of(lease_of(place), place.stores)
    store.write(key, b'{"run_id": "dead", "renewed": 3}\n')


def test_a_batch_has_one_run_at_a_time(tmp_path: Path):
    with batch_lock(str(tmp_path), "mon", "r1"):
        with pytest.raises(LostRace, match="another run is working on batch mon"), batch_lock(str(tmp_path), "mon", "r2"):
            pass
        with batch_lock(str(tmp_path), "tue", "r2"):
            pass
    with batch_lock(str(tmp_path), "mon", "r2"):
        pass


def test_a_lock_on_this_machine_excludes_a_second_holder(tmp_path: Path):
    assert can_lock(tmp_path / "lock")
    with batch_lock(str(tmp_path), "mon", "r1"):
        assert not can_lock(tmp_path / "_locks" / "batch-mon")


def test_a_lease_excludes_a_second_run_of_the_batch_while_it_is_renewed(place: Place):
    said: list[str] = []
    with batch_lock(place.uri, "mon", "r1", place.stores, said.append):
        with (
            pytest.raises(LostRace, match=f"another run is working on batch mon under {place.uri}"),
            batch_lock(place.uri, "mon", "r2", place.stores, said.append),
        ):
            pass
        assert said == [f"waiting up to 20 s to see whether the run that holds {lease_of(place)} is alive"]
        with batch_lock(place.uri, "tue", "r2", place.stores, said.append):
            assert len(said) == 1
        assert holder(place)["run_id"] == "r1"


def test_a_lease_is_given_back_so_the_next_run_does_not_wait(place: Place):
    said: list[str] = []
    for run_id in ("r1", "r2"):
        with batch_lock(place.uri, "mon", run_id, place.stores, said.append):
            assert holder(place)["run_id"] == run_id
    with pytest.raises(ZeroDivisionError), batch_lock(place.uri, "mon", "r3", place.stores):
        raise ZeroDivisionError
    with pytest.raises(FileNotFoundError):
        holder(place)
    assert said == []


def test_a_lease_is_renewed_with_other_bytes_each_time(place: Place):
    with batch_lock(place.uri, "mon", "r1", place.stores):
        wait_until(lambda: holder(place)["renewed"] >= 2)


def test_the_lease_of_a_run_that_has_died_is_taken_over(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(locks, "WATCH_SECONDS", 0.2)
    leave_dead_lease(place)
    with batch_lock(place.uri, "mon", "r2", place.stores):
        assert holder(place)["run_id"] == "r2"
        wait_until(lambda: holder(place)["renewed"] >= 1)


def test_what_killed_writers_left_beside_the_lease_of_a_batch_is_removed(place: Place):
    """HDFS writes under a temporary name first."""
    left = [".mon.json.host.1.2", ".mon.json.turn", ".mon-2.json.host.1.2", ".tue.json.turn"]
    for name in left:
        write_file(place.path("_leases", name), b"x", place.stores)
    with batch_lock(place.uri, "mon", "r2", place.stores):
        assert names_in(place.path("_leases"), place.stores) == [".mon-2.json.host.1.2", ".tue.json.turn", "mon.json"]


def test_only_one_of_two_runs_takes_over_a_lease(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(locks, "WATCH_SECONDS", 0.2)
    leave_dead_lease(place)
    ended, results = Event(), []

    def run(run_id: str) -> None:
        try:
            with batch_lock(place.uri, "mon", run_id, place.stores):
                results.append(run_id)
                ended.wait(20)
        except LostRace:
            results.append("lost")
            ended.set()

    threads = [Thread(target=run, args=(run_id,)) for run_id in ("r1", "r2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count("lost") == 1
    assert len(results) == 2


def test_a_run_whose_lease_was_taken_over_renews_it_no_more_and_leaves_it(place: Place):
    store, key = store_of(lease_of(place), place.stores)
    with batch_lock(place.uri, "mon", "zombie", place.stores):
        store.write(key, b'{"run_id": "r2", "renewed": 0}\n')
        time.sleep(0.3)  # some renewals
        assert holder(place) == {"run_id": "r2", "renewed": 0}
    assert holder(place) == {"run_id": "r2", "renewed": 0}


def test_a_renewal_that_fails_is_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch):
    write, failures = locks.store_of(lease_of(place), place.stores)[0].write, [StoreError("no answer"), OSError(5, "input/output error")]

    def flaky(key: str, data: bytes, expected: str | None = None) -> str:
        if b'"renewed": 0' not in data and failures:
            raise failures.pop()
        return write(key, data, expected)

    monkeypatch.setattr(store_of(lease_of(place), place.stores)[0], "write", flaky)
    with batch_lock(place.uri, "mon", "r1", place.stores):
        wait_until(lambda: holder(place)["renewed"] >= 3)
    assert failures == []
