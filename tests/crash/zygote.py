"""Drivers that can be killed without a new JVM for each: forks of one process that has a running Spark session.

Each fork has a connection of its own to the JVM, so SIGKILL stops the driver at an exact point and leaves the session of the others
intact. The parent opens no table, because readers with threads do not survive a fork.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Driver:
    """A running fork."""

    pid: int
    answer: Path

    def wait(self) -> Any:
        """What its work returned, or KILLED if it was killed. Raises RuntimeError with the traceback if it raised."""
        _, status = os.waitpid(self.pid, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            return KILLED
        kind, value = pickle.loads(self.answer.read_bytes())
        self.answer.unlink()
        if kind == "error":
            raise RuntimeError(value)
        return value


class Zygote:
    def __init__(self, spark: SparkSession, folder: Path):
        self.spark = spark
        self._folder = folder
        self._forks = 0
        self._inherited: list[Any] = []

    def start(self, work: Callable[[SparkSession], Any]) -> Driver:
        self._forks += 1
        answer = self._folder / f"answer-{self._forks}"
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            return Driver(pid, answer)
        self._live(work, answer)
        raise AssertionError("a fork never returns")

    def run(self, work: Callable[[SparkSession], Any]) -> Any:
        return self.start(work).wait()

    def _live(self, work: Callable[[SparkSession], Any], answer: Path) -> None:
        try:
            self._own_connection()
            done = ("value", work(self.spark))
        except BaseException:  # whatever ends the fork is reported to the parent
            done = ("error", traceback.format_exc())
        answer.write_bytes(pickle.dumps(done))
        gc.collect()  # otherwise the JVM would keep the data frames of the fork
        os._exit(0)

    def _own_connection(self) -> None:
        client = self.spark.sparkContext._gateway._gateway_client
        self._inherited += client.deque  # kept open, because closing them would close those of the parent too
        client.deque.clear()
        client.thread_connection = threading.local()


def die(point: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
