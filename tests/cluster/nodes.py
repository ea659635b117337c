"""A process with all that it starts, that can be killed as a power cut would: a master, a worker, a Connect server."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyspark

SPARK_HOME = Path(pyspark.__file__).parent
STARTS_WITHIN = 60  # seconds
# What a node has: no PYTHONPATH, no PYSPARK_PYTHON, nothing of the checkout. Everything stays on the loopback.
NODE = {name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME", "LANG") if name in os.environ} | {
    "SPARK_HOME": str(SPARK_HOME),
    "SPARK_LOCAL_IP": "127.0.0.1",
    "SPARK_DAEMON_MEMORY": "256m",  # of masters and workers
}


@dataclass
class Node:
    """The first process of a session of its own, so that all it starts can be found and ended with it."""

    process: subprocess.Popen[bytes]
    log: Path

    def session(self) -> list[psutil.Process]:
        """Every living process of this node: itself, its executors and their Python workers."""
        return [process for process in psutil.process_iter() if _session_of(process.pid) == self.process.pid]

    def executors(self) -> list[psutil.Process]:
        return [process for process in self.session() if "CoarseGrainedExecutorBackend" in " ".join(_command(process))]

    def kill(self) -> None:
        """SIGKILL to all of it at once; nobody gets to say goodbye."""
        for process in self.session():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        self.process.wait()

    def said(self, pattern: str) -> str:
        """What the log says, as soon as it does."""
        until = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < until and self.process.poll() is None:
            if found := re.search(pattern, self.log.read_text()):
                return found[1]
            time.sleep(0.1)
        raise TimeoutError(f"{pattern} is not in the log:\n{self.log.read_text()[-2000:]}")


def start(folder: Path, name: str, command: list[str], env: dict[str, str] = NODE) -> Node:
    """A node whose log is `name`.log in the folder where it works."""
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=env, cwd=folder, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    return Node(process, log)


def _session_of(pid: int) -> int:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        return os.getsid(pid)
    return -1


def _command(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return process.cmdline()
    return []
