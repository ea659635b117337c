"""The fixtures of storage servers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.servers import Server
from tests.servers.azure import azurite
from tests.servers.hdfs import minicluster
from tests.servers.s3 import S3, moto, versitygw

START: dict[str, Callable[[Any], Any]] = {"moto": moto, "versitygw": versitygw, "azurite": azurite, "hdfs": minicluster}
S3_SERVERS = ["moto", pytest.param("versitygw", marks=pytest.mark.long)]
OBJECT_STORES = [*S3_SERVERS, pytest.param("azurite", marks=pytest.mark.long)]
SERVERS = [*OBJECT_STORES, pytest.param("hdfs", marks=pytest.mark.long)]
_numbers = count()

# moto logs every request in the test's own log, accepts any key, and checks unsigned requests against the ACL of the object.
only_moto = pytest.mark.parametrize("s3_server", ["moto"], indirect=True)
# For what HDFS does not have, such as etags.
only_objects = pytest.mark.parametrize("server", OBJECT_STORES, indirect=True)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """Starts a server by its name, at most once. All are stopped at the end of the test run."""
    started: dict[str, Any] = {}
    with ExitStack() as stack:

        def start(name: str) -> Any:
            if name not in started:
                started[name] = stack.enter_context(START[name](tmp_path_factory.mktemp(name)))
            return started[name]

        yield start


@pytest.fixture(scope="session")
def moto_server(running: Callable[[str], Any]) -> S3:
    server: S3 = running("moto")
    return server


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, running: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Server:
    """An empty folder of each server in turn. Its credentials are in the environment, as on a cluster."""
    one: Server = running(request.param).folder(f"test-{os.getpid()}-{next(_numbers)}")
    for name, value in one.environment.items():
        monkeypatch.setenv(name, value)
    return one


@pytest.fixture(params=S3_SERVERS)
def s3_server(request: pytest.FixtureRequest, running: Callable[[str], Any]) -> S3:
    server: S3 = running(request.param)
    return server


@pytest.fixture
def s3_endpoint(s3_server: S3) -> str:
    return s3_server.endpoint


@pytest.fixture
def s3(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the server. Credentials and region are in the environment, as on a cluster."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return boto3.client("s3", endpoint_url=s3_server.endpoint, region_name="us-east-1")


@pytest.fixture
def bucket(s3: Any) -> Iterator[str]:
    """An empty bucket, which is deleted after the test."""
    s3.create_bucket(Bucket="logs")
    yield "logs"
    for found in s3.list_objects_v2(Bucket="logs").get("Contents", ()):
        s3.delete_object(Bucket="logs", Key=found["Key"])
    s3.delete_bucket(Bucket="logs")


def upload(s3: Any, bucket: str, folder: Path, prefix: str = "", **settings: Any) -> None:
    """Uploads every file below the folder as an object of the same name."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            s3.put_object(Bucket=bucket, Key=prefix + path.relative_to(folder).as_posix(), Body=path.read_bytes(), **settings)
