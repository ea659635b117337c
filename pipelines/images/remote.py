"""Images in an object store, where images.allow_schemes names its scheme. Nothing here is reached otherwise.

Credentials, region, endpoint and name node are the environment's alone: a reference that names any of them is refused, so that no log
can choose the host that a worker connects to.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pyarrow import ArrowInvalid
from pyarrow.fs import FileInfo, FileSystem, FileType, HadoopFileSystem

from pipelines.parsing.careful import clip
from pipelines.reasons import Reason, Reject

# scheme -> what may be between its :// and the next slash: a bucket or container. An Azure container has no dot, a host does; and where
# that place is for a host, it is left empty, and the name node is the one of the worker's Hadoop configuration.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]*")
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-]*")
_NO_HOST = re.compile("")
SCHEMES = {"s3": _BUCKET, "gs": _BUCKET, "gcs": _BUCKET, "abfs": _CONTAINER, "abfss": _CONTAINER, "hdfs": _NO_HOST, "viewfs": _NO_HOST, "hf": _BUCKET}
_REFERENCE = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://([^/?#]*)/([^?#]+)")
MOST_CLIENTS = 32  # a process keeps: a log may name any number of buckets


def scheme_of(ref: str) -> str | None:
    """The scheme of a reference to another machine, in small letters; None for a path."""
    found = re.match(r"\s*([A-Za-z][A-Za-z0-9+.\-]+)://", ref)
    return found[1].lower() if found else None


def remote_file(ref: str) -> FileInfo:
    """Size and time of the object. Raises Reject."""
    store, path = _opened(ref)
    try:
        info = store.get_file_info(path)
    except OSError as error:
        raise Reject(Reason.IMAGE_MISSING.at("", f"{clip(ref)} cannot be reached: {clip(str(error))}")) from None
    if info.type == FileType.NotFound:
        raise Reject(Reason.IMAGE_MISSING.at("", f"{clip(ref)}: no such object"))
    if info.type != FileType.File:
        raise Reject(Reason.IMAGE_NOT_A_FILE.at("", f"{clip(ref)} is a folder"))
    return info


def remote_bytes(ref: str, most: int) -> tuple[bytes, int]:
    """(at most so many bytes of the object, its time in ns). Raises Reject."""
    store, path = _opened(ref)
    try:
        with store.open_input_stream(path) as stream:
            data = stream.read(most)
        return data, store.get_file_info(path).mtime_ns or 0
    except OSError as error:
        raise Reject(Reason.IMAGE_MISSING.at("", f"{clip(ref)} cannot be opened: {clip(str(error))}")) from None


@lru_cache(maxsize=MOST_CLIENTS)
def open_store(scheme: str, bucket: str) -> FileSystem:
    """A client, kept for the next object of the bucket. `bucket` is not used for hdfs and viewfs. Raises ValueError, OSError and ImportError."""
    if SCHEMES[scheme] is _NO_HOST:
        return HadoopFileSystem("default")
    store, _ = FileSystem.from_uri(f"{scheme}://{bucket}")
    return store


def _opened(ref: str) -> tuple[FileSystem, str]:
    found = _REFERENCE.fullmatch(ref)
    if found is None:
        raise Reject(Reason.IMAGE_REF_BAD.at("", f"{clip(ref)} is not of the form scheme://bucket/key"))
    scheme, bucket, key = found[1].lower(), found[2], found[3]
    if not SCHEMES[scheme].fullmatch(bucket):
        right = f"{scheme}:///path" if SCHEMES[scheme] is _NO_HOST else f"{scheme}://bucket/key"
        raise Reject(Reason.IMAGE_REF_BAD.at("", f"{clip(ref)} names a host or account; only {right} is read, from the one that the environment names"))
    try:
        return open_store(scheme, bucket), f"{bucket}/{key}"
    except (ArrowInvalid, ValueError, OSError, ImportError) as error:
        raise Reject(Reason.IMAGE_URI_SCHEME.at("", f"{clip(ref)}: {clip(str(error))}")) from None
