"""A verified image's uri -> its file again, for a person to look at."""

from __future__ import annotations

import os

from pipelines.config import Config
from pipelines.images.opening import open_unlinked, real_path
from pipelines.images.resolve import roots_of


def image_bytes(uri: str, config: Config) -> bytes | None:
    """The file's bytes; None where it is gone, or where the image stood in a record."""
    for source in config.sources:
        for root in roots_of(source):
            if uri.startswith(root.prefix):
                path = real_path(os.path.join(root.folder, uri.removeprefix(root.prefix)), root.folder)
                return _read(path) if path else None
    return None


def _read(path: str) -> bytes | None:
    try:
        with open_unlinked(path) as file:
            return file.read()
    except OSError:
        return None
