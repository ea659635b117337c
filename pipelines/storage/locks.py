"""Locks under an output root: one run per batch, one publication at a time. The kernel releases them when a process dies."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

MAX_WAIT_SECONDS = 3600  # for the publication of another run
POLL_SECONDS = 0.2


class LostRace(Exception):
    """Another run came first."""


@contextmanager
def batch_lock(root: Path, batch: str) -> Iterator[None]:
    """Held while a run works on this batch. Raises LostRace at once where another run holds it."""
    with _locked(root / "_locks" / f"batch-{batch}", lambda: None) as held:
        if not held:
            raise LostRace(f"another run is working on batch {batch} under {root}; try again when it has finished")
        yield


@contextmanager
def publication_lock(root: Path, say: Callable[[str], None] = lambda text: None) -> Iterator[None]:
    """Held while tables change. Waits for the publication of another batch, after one message; raises LostRace after an hour."""
    until = time.monotonic() + MAX_WAIT_SECONDS
    said = False

    def wait() -> bool:
        nonlocal said
        if not said:
            say(f"waiting for another publication under {root}")
            said = True
        time.sleep(POLL_SECONDS)
        return time.monotonic() < until

    with _locked(root / "_locks" / "publication", wait) as held:
        if not held:
            raise LostRace(f"another run has been publishing under {root} for an hour; try again when it has finished")
        yield


@contextmanager
def mark_in_use(folder: Path) -> Iterator[None]:
    """Marks a staging folder as in use while the block runs."""
    with _locked(folder / "alive", lambda: None):
        yield


def is_abandoned(folder: Path) -> bool:
    """Whether the run that staged here has ended or died."""
    if not (folder / "alive").exists():
        return True
    with (folder / "alive").open("a") as file:
        return _try_lock(file)


def can_lock(path: Path) -> bool:
    """Whether a lock on this new file excludes a second holder. Raises OSError where the file system has no locks."""
    with _locked(path, lambda: None) as held, path.open("a") as second:
        return held and not _try_lock(second)


@contextmanager
def _locked(path: Path, wait: Callable[[], bool | None]) -> Iterator[bool]:
    """Whether the lock was acquired. `wait` is called before each further try and returns whether to try again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        while not (held := _try_lock(file)) and wait():
            pass
        yield held


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
