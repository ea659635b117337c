"""What an image file is, verified to one of three levels. Pixels are read here once per distinct image, and nowhere else."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

from pipelines.config import Config
from pipelines.images.data_uri import decode_data_uri
from pipelines.images.decoder import hash_of, inspect
from pipelines.images.objects import object_bytes
from pipelines.images.opening import open_unlinked
from pipelines.images.remote import remote_bytes
from pipelines.reasons import Reason, Reject
from pipelines.storage.locations import is_uri
from pipelines.storage.stores import Stores


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row of table `images`. `verdict` is good or bad; a bad one has a reason and no size."""

    uri: str
    size: int
    modified: int
    sha256: str | None
    format: str | None
    width: int | None
    height: int | None
    verdict: str
    reason: str | None
    detail: str | None
    level: str
    difference_hash: int | None = None  # of a screen on which an episode begins, at level decode


def verify(uri: str, size: int, modified: int, path: str | None, ref: str | None, config: Config, with_hash: bool = False) -> Verdict:
    """The verdict on the file at `path`, or on the data: URI `ref` where there is no path. `size` and `modified` are as it was located."""
    level = config.images.verify
    sha256 = None
    try:
        data = _file_bytes(path, size, modified, path == uri, config) if path else decode_data_uri(ref or "")
        sha256 = hashlib.sha256(data).hexdigest()
        kind, (width, height) = inspect(data, level, config.images.max_pixels)
    except Reject as reject:
        first = reject.findings[0]
        return Verdict(uri, size, modified, sha256, None, None, None, "bad", first.code, first.detail, level)
    hashed = hash_of(data, config.images.max_pixels) if with_hash and level == "decode" else None
    return Verdict(uri, size, modified, sha256, kind, width, height, "good", None, None, level, hashed)


def rests_on_limit(code: str) -> bool:
    """Whether another configuration could give another verdict."""
    return code == Reason.IMAGE_PIXEL_LIMIT.code


def _file_bytes(path: str, size: int, modified: int, is_logged_uri: bool, config: Config) -> bytes:
    if size > config.limits.image_bytes:
        raise Reject(Reason.IMAGE_PIXEL_LIMIT.at("", f"the file has {size} bytes; limits.image_bytes is {config.limits.image_bytes}"))
    data, found = _read(path, size + 1, config.stores, is_logged_uri)
    if len(data) != size or found != modified:
        raise Reject(Reason.FILE_CHANGED_WHILE_READING.at("", "the image was written to during the run"))
    return data


def _read(path: str, most: int, stores: Stores, is_logged_uri: bool) -> tuple[bytes, int]:
    """A URI in a log is read with the settings of the environment only; one below an image root also with those of the configuration."""
    if is_logged_uri:
        return remote_bytes(path, most)
    return object_bytes(path, most, stores) if is_uri(path) else _local_bytes(path, most)


def _local_bytes(path: str, most: int) -> tuple[bytes, int]:
    try:
        with open_unlinked(path) as file:
            return file.read(most), os.fstat(file.fileno()).st_mtime_ns
    except OSError as error:
        raise Reject(Reason.IMAGE_MISSING.at("", f"it cannot be opened: {error.strerror}")) from None
