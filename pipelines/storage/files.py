"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file in one step, so that two workers, also of two machines, can write it at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(path)
