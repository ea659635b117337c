"""One run per batch at a time. This saves work; what is published is decided by the commit of table `runs` alone.

On disk the kernel releases the lock when a process dies. A store has no locks, so there a run holds a lease: a small object that it renews.
Whoever finds a lease watches it. If it is renewed, its run is alive. If it is not, its run has died, and the lease is taken over, on the
condition that it is still the one that was watched. No clock is compared with another.
"""

from __future__ import annotations

import errno
import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import IO
from uuid import uuid4

from pipelines.storage.files import create_file, delete_files, names_in
from pipelines.storage.locations import StoreError, is_uri, join
from pipelines.storage.stores import ENVIRONMENT, Stores, store_of

RENEW_SECONDS = 5.0
WATCH_SECONDS = 20.0  # without a renewal, before a lease is taken over
POLL_SECONDS = 1.0


class LostRace(Exception):
    """Another run came first."""


@contextmanager
def batch_lock(root: str, batch: str, run_id: str, stores: Stores = ENVIRONMENT, say: Callable[[str], None] = lambda text: None) -> Iterator[None]:
    """Held while a run works on this batch. Raises LostRace where another run holds it."""
    if is_uri(root):
        with _leased(join(root, f"_leases/{batch}.json"), run_id, stores, say) as held:
            if not held:
                raise LostRace(f"another run is working on batch {batch} under {root}; try again when it has finished")
            yield
        return
    path = Path(root) / "_locks" / f"batch-{batch}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        if not _try_lock(file):
            raise LostRace(f"another run is working on batch {batch} under {root}; try again when it has finished")
        yield


@contextmanager
def _leased(uri: str, run_id: str, stores: Stores, say: Callable[[str], None]) -> Iterator[bool]:
    """Whether the lease was obtained. It is renewed in the background and given back at the end."""
    version = _acquire(uri, run_id, stores, say)
    if version is None:
        yield False
        return
    _remove_unfinished(uri, stores)
    stopped = Event()
    lease = _Lease(uri, run_id, stores, version)
    thread = Thread(target=lease.renew_until, args=(stopped,), daemon=True)
    thread.start()
    try:
        yield True
    finally:
        stopped.set()
        thread.join()
        lease.give_back()


def _acquire(uri: str, run_id: str, stores: Stores, say: Callable[[str], None]) -> str | None:
    """The version of the lease that this run holds now; None where another run is alive."""
    store, key = store_of(uri, stores)
    watched: str | None = None
    until = 0.0
    while True:
        with suppress(FileExistsError, FileNotFoundError):  # or the file was removed as if its writer had died
            return store.write(key, _body(run_id, 0), "")
        try:
            found = store.head(key).identity
        except FileNotFoundError:
            continue
        if watched is None:
            watched, until = found, time.monotonic() + WATCH_SECONDS
            say(f"waiting up to {WATCH_SECONDS:.0f} s to see whether the run that holds {uri} is alive")
        elif found != watched:
            return None
        if time.monotonic() >= until:
            try:
                return store.write(key, _body(run_id, 0), watched)
            except OSError:  # another run has taken it over
                return None
        time.sleep(POLL_SECONDS)


def _remove_unfinished(uri: str, stores: Stores) -> None:
    """Removes what writers of this lease that were killed have left beside it in HDFS. Others that are still writing lose the race anyway."""
    folder, _, name = uri.rpartition("/")
    delete_files([join(folder, one) for one in names_in(folder, stores) if one.startswith(f".{name}.")], stores)


class _Lease:
    def __init__(self, uri: str, run_id: str, stores: Stores, version: str):
        self._store, self._key = store_of(uri, stores)
        self._run_id, self._version = run_id, version

    def renew_until(self, stopped: Event) -> None:
        """A renewal that fails is tried again; one that finds another holder ends the renewals."""
        number = 0
        while not stopped.wait(RENEW_SECONDS):
            number += 1
            try:
                self._version = self._store.write(self._key, _body(self._run_id, number), self._version)
            except OSError as error:
                if error.errno in (errno.ESTALE, errno.ENOENT):
                    return
            except StoreError:
                continue

    def give_back(self) -> None:
        with suppress(OSError, StoreError):
            if self._store.head(self._key).identity == self._version:
                self._store.delete([self._key])


def _body(run_id: str, number: int) -> bytes:
    """Other bytes at each renewal, since the etag of some stores is a hash of the bytes."""
    return f'{{"run_id": "{run_id}", "renewed": {number}}}\n'.encode()


def can_lock(path: Path) -> bool:
    """Whether a lock on this new file excludes a second holder. Raises OSError where the file system has no locks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file, path.open("a") as second:
        return _try_lock(file) and not _try_lock(second)


def can_create_once(root: str, stores: Stores) -> bool:
    """Whether the store refuses to create an object that exists, which lets one of several writers win. Raises OSError and StoreError."""
    probe = join(root, f".episodes-check-{uuid4().hex}")
    try:
        return create_file(probe, b"1", stores) and not create_file(probe, b"2", stores)
    finally:
        delete_files([probe], stores)


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
