"""A local S3 server, and files put into its buckets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

Put = Callable[..., None]


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of an S3 server of this test run."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the server. Credentials and region are in the environment, as on a cluster."""
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    return boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")


@pytest.fixture
def bucket(s3: Any) -> Iterator[str]:
    """An empty bucket, which is emptied again."""
    s3.create_bucket(Bucket="logs")
    yield "logs"
    for found in s3.list_objects_v2(Bucket="logs").get("Contents", ()):
        s3.delete_object(Bucket="logs", Key=found["Key"])
    s3.delete_bucket(Bucket="logs")


def upload(s3: Any, bucket: str, folder: Path, prefix: str = "") -> None:
    """Every file below the folder, as an object of the same name."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            s3.put_object(Bucket=bucket, Key=prefix + path.relative_to(folder).as_posix(), Body=path.read_bytes())
