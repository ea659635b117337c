"""One publication at a time per output root."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class LostRace(Exception):
    """Another run is publishing under this root."""


@contextmanager
def publication_lock(root: Path) -> Iterator[None]:
    """Held while the block runs; raises LostRace at once where another process holds it. The kernel lets go when a holder dies."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "_lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LostRace(f"another run is publishing under {root}; run again when it is done") from None
        yield
