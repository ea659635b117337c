"""Locks under an output root."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

import pytest

from pipelines.storage import locks
from pipelines.storage.locks import LostRace, batch_lock, can_lock, is_abandoned, mark_in_use, publication_lock


def test_a_batch_has_one_run_at_a_time_and_other_batches_run_beside_it(tmp_path: Path):
    message = f"another run is working on batch 2026-11-22 under {tmp_path}; try again when it has finished"
    with batch_lock(tmp_path, "2026-11-22"), batch_lock(tmp_path, "2026-11-23"), pytest.raises(LostRace, match=message):
        batch_lock(tmp_path, "2026-11-22").__enter__()
    with batch_lock(tmp_path, "2026-11-22"):
        pass


def test_a_publication_waits_for_another_one_and_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(locks, "POLL_SECONDS", 0.001)
    said: list[str] = []
    is_waiting, is_published = Event(), Event()

    def say(text: str) -> None:
        said.append(text)
        is_waiting.set()

    def publish() -> None:
        with publication_lock(tmp_path, say):
            is_published.set()

    with publication_lock(tmp_path):
        other = Thread(target=publish)
        other.start()
        assert is_waiting.wait(10)
        assert not is_published.is_set()
    other.join(10)
    assert is_published.is_set()
    assert said == [f"waiting for another publication under {tmp_path}"]


def test_a_publication_gives_up_after_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(locks, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(locks, "MAX_WAIT_SECONDS", 0)
    with publication_lock(tmp_path), pytest.raises(LostRace, match="another run has been publishing"):
        publication_lock(tmp_path).__enter__()


def test_a_staging_folder_is_abandoned_unless_a_run_uses_it(tmp_path: Path):
    assert is_abandoned(tmp_path)
    with mark_in_use(tmp_path):
        assert not is_abandoned(tmp_path)
    assert is_abandoned(tmp_path)


def test_this_file_system_has_locks(tmp_path: Path):
    assert can_lock(tmp_path / "lock")
