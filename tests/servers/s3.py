"""S3: moto, and versitygw, a real server.

Each has a process of its own: deltalake holds Python's lock while it waits for an answer, so a server in a thread of this process could not give one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from obstore.store import S3Store

from tests.servers import Server
from tests.servers.objects import Objects
from tests.servers.processes import FOLDER, found, free_port, process

BUCKET = "test-folders"
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass(frozen=True, slots=True)
class S3:
    name: str
    endpoint: str
    environment = ENVIRONMENT

    def folder(self, name: str) -> Server:
        store = S3Store(
            BUCKET,
            prefix=name,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id="test",
            secret_access_key="test",
            client_options={"allow_http": True},
        )
        settings = {"s3": {"endpoint": self.endpoint, "region": "us-east-1"}}
        return Server(self.name, f"s3://{BUCKET}/{name}", settings, ENVIRONMENT, Objects(store))


def _with_bucket(name: str, endpoint: str) -> S3:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=endpoint, **keys).create_bucket(Bucket=BUCKET)
    return S3(name, endpoint)


@contextmanager
def moto(folder: Path) -> Iterator[S3]:
    port = free_port()
    with process(folder, [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port, {}):
        yield _with_bucket("moto", f"http://127.0.0.1:{port}")


@contextmanager
def versitygw(folder: Path) -> Iterator[S3]:
    program = found("versitygw", FOLDER / "bin" / "versitygw")
    port, buckets = free_port(), folder / "buckets"
    buckets.mkdir()
    command = [str(program), "--port", f"127.0.0.1:{port}", "posix", str(buckets)]
    with process(folder, command, port, {"ROOT_ACCESS_KEY": "test", "ROOT_SECRET_KEY": "test"}):
        yield _with_bucket("versitygw", f"http://127.0.0.1:{port}")
