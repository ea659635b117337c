"""Locks under an output root: who holds one, who waits, and what is left by a run that has died."""

from pathlib import Path

import pytest

from pipelines.storage import locks
from pipelines.storage.locks import LostRace, batch_lock, can_lock, is_abandoned, mark_in_use, publication_lock


def test_a_batch_has_one_run_at_a_time(tmp_path: Path):
    with batch_lock(tmp_path, "mon"):
        with pytest.raises(LostRace, match="another run is working on batch mon"), batch_lock(tmp_path, "mon"):
            pass
        with batch_lock(tmp_path, "tue"):
            pass
    with batch_lock(tmp_path, "mon"):
        pass


def test_a_publication_waits_for_another_after_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(locks, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(locks, "MAX_WAIT_SECONDS", 0.05)
    said: list[str] = []
    with publication_lock(tmp_path, said.append):
        assert said == []
        with pytest.raises(LostRace, match="another run has been publishing"), publication_lock(tmp_path, said.append):
            pass
    assert said == [f"waiting for another publication under {tmp_path}"]
    with publication_lock(tmp_path):
        pass


def test_a_publication_begins_when_the_other_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first = publication_lock(tmp_path)
    first.__enter__()
    monkeypatch.setattr(locks.time, "sleep", lambda seconds: first.__exit__(None, None, None))
    said: list[str] = []
    with publication_lock(tmp_path, said.append):
        assert len(said) == 1


def test_a_staging_folder_is_abandoned_unless_its_run_is_alive(tmp_path: Path):
    assert is_abandoned(tmp_path)  # it was never marked
    with mark_in_use(tmp_path):
        assert not is_abandoned(tmp_path)
    assert is_abandoned(tmp_path)  # its run has ended


def test_a_lock_on_this_machine_excludes_a_second_holder(tmp_path: Path):
    assert can_lock(tmp_path / "lock")
    with batch_lock(tmp_path, "mon"):
        assert not can_lock(tmp_path / "_locks" / "batch-mon")
