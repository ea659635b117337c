"""A folder on disk or in a store, so that a test can be run on both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
def open_bucket(endpoint: str) -> Iterator[Place]:
    """An empty folder in a bucket of this server. It is deleted afterwards."""
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="tables")
    place = Place(f"s3://tables/{uuid4().hex}/out", stores_of(endpoint))
    yield place
    delete_folder(place.uri, place.stores)
