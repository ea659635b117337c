"""A verified image's uri -> the bytes of its file, to show it to a person."""

from __future__ import annotations

import os

from pipelines.config import Config
from pipelines.images.opening import open_unlinked, real_path
from pipelines.images.resolve import roots_of
from pipelines.storage.locations import StoreError, is_uri, join
from pipelines.storage.opening import read_whole


def image_bytes(uri: str, config: Config) -> bytes | None:
    """The file's bytes; None if it is gone, or if the record held the image itself."""
    for source in config.sources:
        for root in roots_of(source):
            if uri.startswith(root.prefix):
                if is_uri(root.folder):
                    return read_object(join(root.folder, uri.removeprefix(root.prefix)), config)
                path = real_path(os.path.join(root.folder, uri.removeprefix(root.prefix)), root.folder)
                return _read(path) if path else None
    return None


def read_object(uri: str, config: Config) -> bytes | None:
    try:
        return read_whole(uri, config.limits.image_bytes, config.stores)[0]
    except (OSError, StoreError):
        return None


def _read(path: str) -> bytes | None:
    try:
        with open_unlinked(path) as file:
            return file.read()
    except OSError:
        return None
