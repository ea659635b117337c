"""Images in an object store, where images.allow_schemes names its scheme. Nothing here is reached otherwise.

Credentials, region and endpoint are the environment's alone: a reference that names any of them is refused, so that no log can
choose where a worker connects to.
"""

from __future__ import annotations

import re
from functools import cache

from pyarrow import ArrowInvalid
from pyarrow.fs import FileInfo, FileSystem, FileType

from pipelines.parsing.careful import clip
from pipelines.reasons import Reason, Reject

_REFERENCE = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://([A-Za-z0-9][A-Za-z0-9._\-]*)/([^?#]+)")


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
        raise Reject(Reason.IMAGE_MISSING.at("", f"{clip(ref)} cannot be looked at: {clip(str(error))}")) from None
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


def _opened(ref: str) -> tuple[FileSystem, str]:
    found = _REFERENCE.fullmatch(ref)
    if found is None:
        raise Reject(Reason.IMAGE_REF_BAD.at("", f"{clip(ref)}; scheme://bucket/key is wanted, and nothing beside it"))
    scheme, bucket, key = found.groups()
    try:
        return _store(scheme.lower(), bucket), f"{bucket}/{key}"
    except (ArrowInvalid, ValueError, OSError) as error:
        raise Reject(Reason.IMAGE_URI_SCHEME.at("", f"{clip(ref)}: {clip(str(error))}")) from None


@cache
def _store(scheme: str, bucket: str) -> FileSystem:
    store, _ = FileSystem.from_uri(f"{scheme}://{bucket}")
    return store
