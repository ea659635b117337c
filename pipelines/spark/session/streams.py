"""Keeps stdout for data and stderr for messages under spark-submit, which starts Python with one pipe for both."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def separate_stderr() -> None:
    """Sends this process's stderr to that of spark-submit, where this is safe.

    Spark's PythonRunner copies both streams to its stdout, which would mix progress with result lines. Its stderr can be opened again
    where it is a terminal, a pipe, or a file in append mode (`2>>`). In any other file, two writers would overwrite each other.
    """
    if "PYSPARK_GATEWAY_PORT" not in os.environ or not os.path.samestat(os.fstat(1), os.fstat(2)):
        return
    theirs = Path(f"/proc/{os.getppid()}")
    try:
        if _is_shareable(theirs):
            opened = os.open(theirs / "fd" / "2", os.O_WRONLY | os.O_APPEND)
            os.dup2(opened, 2)
            os.close(opened)
    except OSError:  # no /proc here, another user's process, or a socket
        return


def _is_shareable(process: Path) -> bool:
    mode = (process / "fd" / "2").stat().st_mode
    if not stat.S_ISREG(mode):
        return True
    flags = next(line for line in (process / "fdinfo" / "2").read_text().splitlines() if line.startswith("flags:"))
    return bool(int(flags.split()[1], 8) & os.O_APPEND)
