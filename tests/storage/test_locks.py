"""One run per batch at a time: locks on disk, and leases in a store."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from pipelines.storage import locks
from pipelines.storage.files import read_file
from pipelines.storage.locations import StoreError
from pipelines.storage.locks import LostRace, batch_lock, can_lock
from pipelines.storage.stores import Stores, store_of
from tests.storage.places import stores_of

ROOT = "s3://logs/out"
LEASE = f"{ROOT}/_leases/mon.json"


@pytest.fixture
def stores(bucket: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Stores:
    """A store with an empty bucket, in which leases are renewed and watched quickly."""
    monkeypatch.setattr(locks, "RENEW_SECONDS", 0.05)
    monkeypatch.setattr(locks, "POLL_SECONDS", 0.02)
    return stores_of(s3_endpoint)


def holder(stores: Stores) -> dict[str, Any]:
    return json.loads(read_file(LEASE, stores))


def wait_until(is_true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if is_true():
            return
        time.sleep(0.01)
    raise AssertionError("it has not become true")


def leave_dead_lease(stores: Stores) -> None:
    store, key = store_of(LEASE, stores)
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


def test_a_lease_excludes_a_second_run_of_the_batch_while_it_is_renewed(stores: Stores):
    said: list[str] = []
    with batch_lock(ROOT, "mon", "r1", stores, said.append):
        with pytest.raises(LostRace, match="another run is working on batch mon under s3://logs/out"), batch_lock(ROOT, "mon", "r2", stores, said.append):
            pass
        assert said == [f"waiting up to 20 s to see whether the run that holds {LEASE} is alive"]
        with batch_lock(ROOT, "tue", "r2", stores, said.append):
            assert len(said) == 1
        assert holder(stores)["run_id"] == "r1"


def test_a_lease_is_given_back_so_the_next_run_does_not_wait(stores: Stores):
    said: list[str] = []
    for run_id in ("r1", "r2"):
        with batch_lock(ROOT, "mon", run_id, stores, said.append):
            assert holder(stores) == {"run_id": run_id, "renewed": 0}
    with pytest.raises(ZeroDivisionError), batch_lock(ROOT, "mon", "r3", stores):
        raise ZeroDivisionError
    with pytest.raises(FileNotFoundError):
        holder(stores)
    assert said == []


def test_a_lease_is_renewed_with_other_bytes_each_time(stores: Stores):
    with batch_lock(ROOT, "mon", "r1", stores):
        wait_until(lambda: holder(stores)["renewed"] >= 2)


def test_the_lease_of_a_run_that_has_died_is_taken_over(stores: Stores, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(locks, "WATCH_SECONDS", 0.2)
    leave_dead_lease(stores)
    with batch_lock(ROOT, "mon", "r2", stores):
        assert holder(stores)["run_id"] == "r2"
        wait_until(lambda: holder(stores)["renewed"] >= 1)


def test_only_one_of_two_runs_takes_over_a_lease(stores: Stores, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(locks, "WATCH_SECONDS", 0.2)
    leave_dead_lease(stores)
    ended, results = Event(), []

    def run(run_id: str) -> None:
        try:
            with batch_lock(ROOT, "mon", run_id, stores):
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


def test_a_run_whose_lease_was_taken_over_renews_it_no_more_and_leaves_it(stores: Stores):
    store, key = store_of(LEASE, stores)
    with batch_lock(ROOT, "mon", "zombie", stores):
        store.write(key, b'{"run_id": "r2", "renewed": 0}\n')
        time.sleep(0.3)  # some renewals
        assert holder(stores) == {"run_id": "r2", "renewed": 0}
    assert holder(stores) == {"run_id": "r2", "renewed": 0}


def test_a_renewal_that_fails_is_tried_again(stores: Stores, monkeypatch: pytest.MonkeyPatch):
    write, failures = locks.store_of(LEASE, stores)[0].write, [StoreError("no answer"), OSError(5, "input/output error")]

    def flaky(key: str, data: bytes, expected: str | None = None) -> str:
        if b'"renewed": 0' not in data and failures:
            raise failures.pop()
        return write(key, data, expected)

    monkeypatch.setattr(store_of(LEASE, stores)[0], "write", flaky)
    with batch_lock(ROOT, "mon", "r1", stores):
        wait_until(lambda: holder(stores)["renewed"] >= 3)
    assert failures == []
