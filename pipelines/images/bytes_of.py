"""A verified image -> the bytes of its file, to show it to a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.config import Config
from pipelines.training.pictures import PictureChanged, PictureMissing, picture_bytes
from pipelines.training.tables import NotPublished


def image_bytes(image: Mapping[str, Any], config: Config) -> bytes | None:
    """The bytes of an element of column `images`; None if the file is gone or has changed, or is in an object store."""
    if "://" in image["uri"]:
        return None
    try:
        return picture_bytes(config.output.root, image, image_roots(config))
    except (NotPublished, PictureChanged, PictureMissing):
        return None


def image_roots(config: Config) -> dict[str, str | list[str]]:
    """By source the folder of its pictures; the list of them where a uri holds the index of its root."""
    return {source.name: list(source.image_roots) if source.roots_are_listed else source.image_roots[0] for source in config.sources if source.image_roots}
