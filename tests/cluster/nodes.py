"""A master, a worker or a Connect server: a process that can be killed with everything that it has started, as in a power cut."""

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
STARTS_WITHIN = 300  # seconds
# The environment of a node: no PYTHONPATH, no PYSPARK_PYTHON, nothing of the checkout. Only the loopback interface is used.
NODE = {name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME", "LANG") if name in os.environ} | {
    "SPARK_HOME": str(SPARK_HOME),
    "SPARK_LOCAL_IP": "127.0.0.1",
    "SPARK_DAEMON_MEMORY": "256m",  # of masters and workers
}


@dataclass
class Node:
    """A process in a session of its own, so that everything that it starts can be found and ended."""

    process: subprocess.Popen[bytes]
    log: Path

    def session(self) -> list[psutil.Process]:
        """Every living process of this node: itself, its executors and their Python workers."""
        return [process for process in psutil.process_iter() if _session_of(process.pid) == self.process.pid]

    def executors(self) -> list[psutil.Process]:
        return [process for process in self.session() if "CoarseGrainedExecutorBackend" in " ".join(_command(process))]

    def kill(self) -> None:
        """Sends SIGKILL to all processes of this node."""
        for process in self.session():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        self.process.wait()

    def wait_for_log(self, pattern: str) -> str:
        """The first group of the pattern, as soon as the log matches it. Raises TimeoutError."""
        until = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < until and self.process.poll() is None:
            if found := re.search(pattern, self.log.read_text()):
                return found[1]
            time.sleep(0.1)
        raise TimeoutError(f"{pattern} is not in the log:\n{self.log.read_text()[-2000:]}")


def start(folder: Path, name: str, command: list[str], env: dict[str, str] = NODE) -> Node:
    """Starts a node that works in this folder; its log is `name`.log there."""
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
