"""HDFS: a name node and a data node of Hadoop's minicluster, in one process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Server
from tests.servers.processes import FOLDER, found, process

# The manager for tests of MapReduce starts HDFS alone with -nomr. It needs junit, and the client's jars, which Spark has.
MAIN = ["org.apache.hadoop.mapreduce.MiniHadoopClusterManager", "-nomr", "-format", "-datanodes", "1", "-D", "dfs.replication=1"]


class HdfsFiles:
    """The files below a folder of HDFS."""

    def __init__(self, client: Any, folder: str):
        self.client, self.folder = client, folder

    def put(self, key: str, data: bytes) -> None:
        from hdfs_native import WriteOptions

        with self.client.create(f"{self.folder}/{key}", WriteOptions(overwrite=True)) as file:
            file.write(data)

    def get(self, key: str) -> bytes:
        data: bytes = self.client.read(f"{self.folder}/{key}").read()
        return data

    def delete(self, key: str) -> None:
        self.client.delete(f"{self.folder}/{key}", False)

    def keys(self) -> list[str]:
        return sorted(found.path.removeprefix(f"{self.folder}/") for found in self.client.list_status(self.folder, recursive=True) if not found.isdir)


@dataclass(frozen=True, slots=True)
class Hdfs:
    address: str  # hdfs://127.0.0.1:port

    def folder(self, name: str) -> Server:
        from hdfs_native import Client

        client = Client(self.address)
        client.mkdirs(f"/{name}", create_parent=True)
        return Server("hdfs", f"{self.address}/{name}", {}, {}, HdfsFiles(client, f"/{name}"))


@contextmanager
def minicluster(folder: Path) -> Iterator[Hdfs]:
    pytest.importorskip("hdfs_native", reason="hdfs-native is not installed: run `pip install hdfs-native`")
    import pyspark

    jars = found("hadoop-client-minicluster", FOLDER / "hadoop")
    details = folder / "details.json"
    command = ["java", "-Xmx512m", "-cp", f"{jars}/*:{Path(pyspark.__file__).parent / 'jars'}/*", *MAIN, "-writeDetails", str(details)]
    with process(folder, command, details):
        yield Hdfs(f"hdfs://127.0.0.1:{json.loads(details.read_text())['namenode_port']}")
