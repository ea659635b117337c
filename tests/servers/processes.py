"""Server programs: where they are, and their processes."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "out" / "servers"
STARTS_WITHIN = 300  # seconds


def found(name: str, path: Path) -> Path:
    """The path of a program or library. Skips the test where it is missing."""
    if not path.exists():
        pytest.skip(f"{name} is not in out/servers: run `make servers`")
    return path


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def process(folder: Path, command: list[str], port: int | Path, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """Runs a server in this folder until the block ends. Waits until it listens on the port, or has written the file `port`."""
    log = folder / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(command, cwd=folder, env=os.environ | (environment or {}), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    try:
        _wait(server, log, port)
        yield
    finally:
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(20)
        server.kill()
        server.wait()


def _wait(server: subprocess.Popen[bytes], log: Path, port: int | Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while server.poll() is None and time.monotonic() < until:
        if _is_ready(port):
            return
        time.sleep(0.1)
    raise TimeoutError(f"{server.args} has not started:\n{log.read_text()[-2000:]}")


def _is_ready(port: int | Path) -> bool:
    if isinstance(port, Path):
        return port.exists() and port.stat().st_size > 0
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
