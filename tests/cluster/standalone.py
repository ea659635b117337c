"""A standalone cluster of real processes on this machine: a master, and workers with one core each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.nodes import SPARK_HOME, Node, start


@dataclass
class Cluster:
    """A cluster whose nodes work in `folder`, which is outside the checkout."""

    folder: Path
    master: str = ""
    nodes: list[Node] = field(default_factory=list)

    def start_worker(self) -> Node:
        """Starts a worker with one core, and waits until the master has registered it."""
        number = len(self.nodes)
        options = ["--cores", "1", "--memory", "1500m", "--work-dir", str(self.folder / f"work-{number}")]
        worker = self._start(f"worker-{number}", "worker.Worker", *options, self.master)
        worker.wait_for_log(r"(Successfully registered with master)")
        return worker

    def start_master(self) -> None:
        self.master = self._start("master", "master.Master").wait_for_log(r"Starting Spark master at (spark://\S+)")

    def _start(self, name: str, daemon: str, *options: str) -> Node:
        command = [str(SPARK_HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{daemon}", "--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
        self.nodes.append(start(self.folder, name, [*command, *options]))
        return self.nodes[-1]


@contextmanager
def standalone_cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster with a master. All processes of all nodes are ended with the block."""
    cluster = Cluster(folder)
    try:
        cluster.start_master()
        yield cluster
    finally:
        for node in cluster.nodes:
            node.kill()
