"""Local paths and URIs of objects in stores. Only this file tells them apart."""

from __future__ import annotations

import os.path
import re
from typing import NamedTuple

# Scheme of a URI -> the scheme that we write. s3a and s3n are Hadoop's names for the same buckets.
SCHEMES = {"s3": "s3", "s3a": "s3", "s3n": "s3", "gs": "gs", "gcs": "gs", "abfss": "abfss", "abfs": "abfss", "hdfs": "hdfs", "viewfs": "viewfs"}
_URI = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.\-]*)://([^/]*)/*(.*?)/*\s*", re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]*")
_CONTAINER = re.compile(r"[A-Za-z0-9$][A-Za-z0-9\-]*(@[A-Za-z0-9.\-]+)?")  # abfss://container@account.dfs.core.windows.net/path
_NAME_NODE = re.compile(r"([A-Za-z0-9._\-]+(:\d+)?)?")  # empty: the one in the Hadoop configuration
HADOOP = ("hdfs", "viewfs")
_FORMS = {
    "s3": "s3://bucket/key",
    "gs": "gs://bucket/key",
    "abfss": "abfss://container@account.dfs.core.windows.net/path",
    "hdfs": "hdfs://name-node:port/path",
    "viewfs": "viewfs://cluster/path",
}
_HOLDERS = {"abfss": _CONTAINER, "hdfs": _NAME_NODE, "viewfs": _NAME_NODE}


class StoreError(Exception):
    """A store, or an object or prefix in it, cannot be read; the text is one sentence."""


class Unreachable(StoreError):
    """The store does not answer. It may later."""


class Forbidden(StoreError):
    """Permission to read is denied. The file is not damaged: credentials may expire during a run."""


class Location(NamedTuple):
    """`bucket` is the part before the first slash: a bucket, container@account, or a name node. `key` neither begins nor ends with a slash."""

    scheme: str
    bucket: str
    key: str


class Entry(NamedTuple):
    """An object or file: `modified` in ns since 1970, and `version`, which changes whenever the bytes do; "" if the store has none."""

    size: int
    modified: int
    version: str = ""

    @property
    def identity(self) -> str:
        """The version, or where the store has none, size and time."""
        return self.version or f"time:{self.modified}:{self.size}"


def is_uri(path: str) -> bool:
    """Whether this is the URI of an object in a store; otherwise it is a local path.

    >>> is_uri("s3://logs/a.jsonl"), is_uri("/data/s3://a.jsonl"), is_uri("logs/a.jsonl")
    (True, False, False)
    """
    scheme, sign, _ = path.partition("://")
    return bool(sign) and scheme in SCHEMES


def canonical_uri(text: str) -> str:
    """The URI as we write it. Raises ValueError that names only the scheme, because the rest may contain a password.

    >>> canonical_uri("S3A://logs/day one/"), canonical_uri("hdfs:///logs")
    ('s3://logs/day one', 'hdfs:///logs')
    """
    found = _URI.fullmatch(text)
    scheme = SCHEMES.get(found[1].lower()) if found else None
    if not found or scheme is None:
        raise ValueError("is not the URI of a store that can be read")
    bucket, key = found[2], found[3]
    if not _HOLDERS.get(scheme, _BUCKET).fullmatch(bucket):
        raise ValueError(f"{scheme}:// must be of the form {_FORMS[scheme]}, without a user or password" + ("" if scheme in HADOOP else ", or a port"))
    if key and any(part in ("", ".", "..") for part in key.split("/")):
        raise ValueError(f"{scheme}:// must not contain //, /./ or /../ in its path")
    return f"{scheme}://{bucket}/{key}" if key else f"{scheme}://{bucket}"


def absolute(path: str) -> str:
    """The absolute path, or the URI as we write it. Raises StoreError for a URI that is not valid."""
    if "://" not in path or path.partition("://")[0].lower() not in SCHEMES:
        return os.path.abspath(path)
    try:
        return canonical_uri(path)
    except ValueError as error:
        raise StoreError(str(error)) from None


def location_of(uri: str) -> Location:
    """The parts of a URI as `canonical_uri` writes it."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    return Location(scheme, bucket, key)


def bucket_of(uri: str) -> str:
    """The URI of the bucket or file system."""
    scheme, bucket, _ = location_of(uri)
    return f"{scheme}://{bucket}"


def parent_of(path: str) -> str:
    """The folder above; a bucket or / is its own parent.

    >>> parent_of("s3://logs/a/b.jsonl"), parent_of("s3://logs/a"), parent_of("s3://logs"), parent_of("hdfs:///a"), parent_of("/a")
    ('s3://logs/a', 's3://logs', 's3://logs', 'hdfs://', '/')
    """
    if not is_uri(path):
        return os.path.dirname(path)
    scheme, _, rest = path.partition("://")
    above, slash, _ = rest.rpartition("/")
    return f"{scheme}://{above}" if slash else path


def join(folder: str, name: str) -> str:
    return folder + name if folder == "/" else f"{folder}/{name}"


def is_below(path: str, folder: str) -> bool:
    """Whether the path is the folder or lies below it; both are as `absolute` gives them."""
    return path == folder or path.startswith(join(folder, ""))
