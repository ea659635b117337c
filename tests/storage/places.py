"""A folder on disk or in a store, so that a test can be run on both."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple
from uuid import uuid4

import boto3

from pipelines.storage.files import delete_folder
from pipelines.storage.stores import Stores


class Place(NamedTuple):
    """A folder that is empty, as a path or URI, and how to reach it."""

    uri: str
    stores: Stores

    def path(self, *names: str) -> str:
        return "/".join((self.uri, *names))


def stores_of(endpoint: str) -> Stores:
    """A server of S3 at this address."""
    return Stores((("s3", (("endpoint", endpoint), ("region", "us-east-1"))),))


@contextmanager
def serve_s3() -> Iterator[str]:
    """The address of an S3 server in a process of its own, or of the one in TEST_S3_ENDPOINT.

    deltalake holds the lock of Python while it waits for an answer, so a server in a thread of the same process could not give one.
    """
    if given := os.environ.get("TEST_S3_ENDPOINT"):
        yield given
        return
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def open_bucket(endpoint: str) -> Iterator[Place]:
    """An empty folder in a bucket of this server. It is deleted afterwards."""
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="tables")
    place = Place(f"s3://tables/{uuid4().hex}/out", stores_of(endpoint))
    yield place
    delete_folder(place.uri, place.stores)
