"""A verified image -> the bytes of its file, to show it to a person."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from pipelines.config import Config
from pipelines.images.resolve import roots_of
from pipelines.storage.locations import StoreError, is_uri, join
from pipelines.storage.opening import read_whole
from pipelines.training.pictures import PictureChanged, PictureMissing, picture_bytes
from pipelines.training.tables import NotPublished


def image_bytes(image: Mapping[str, Any], config: Config) -> bytes | None:
    """The bytes of an element of column `images`; None if the file is gone or has changed, or if a log names it in an object store."""
    if "://" in image["uri"]:
        return None
    if uri := _uri_below_root(image["uri"], config):
        return _object_bytes(uri, image["sha256"], config)
    try:
        return picture_bytes(config.output.root, image, image_roots(config))
    except (NotPublished, PictureChanged, PictureMissing):
        return None


def image_roots(config: Config) -> dict[str, str | list[str]]:
    """By source the folder of its pictures, or its URI; the list of them where a uri holds the index of its root."""
    return {source.name: list(source.image_roots) if source.roots_are_listed else source.image_roots[0] for source in config.sources if source.image_roots}


def _uri_below_root(name: str, config: Config) -> str | None:
    """The URI of the object, if the image root of its source is in a store."""
    roots = [root for source in config.sources for root in roots_of(source) if is_uri(root.folder)]
    return next((join(root.folder, name.removeprefix(root.prefix)) for root in roots if name.startswith(root.prefix)), None)


def _object_bytes(uri: str, sha256: str, config: Config) -> bytes | None:
    try:
        data, _ = read_whole(uri, config.limits.image_bytes, config.stores)
    except (OSError, StoreError):
        return None
    return data if hashlib.sha256(data).hexdigest() == sha256 else None
