"""A verified image's uri -> its file again, for a person to look at."""

from __future__ import annotations

from pathlib import Path

from pipelines.config import Config
from pipelines.images.resolve import roots_of


def image_bytes(uri: str, config: Config) -> bytes | None:
    """The file's bytes; None where it is gone, or where the image stood in a record."""
    for source in config.sources:
        for root in roots_of(source):
            if uri.startswith(root.prefix):
                try:
                    return (Path(root.folder) / uri.removeprefix(root.prefix)).read_bytes()
                except OSError:
                    return None
    return None
