"""The pictures that stand in the logs themselves, kept once each under the output root."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.images.data_uri import decode_data_uri
from pipelines.storage.files import write_whole


def media_path(root: str | Path, sha256: str, format: str) -> Path:
    """Where the bytes of a picture from a log are; `format` as Pillow names it.

    >>> str(media_path("out", "ab12", "JPEG"))
    'out/media/ab/ab12.jpeg'
    """
    return Path(root) / "media" / sha256[:2] / f"{sha256}.{format.lower()}"


def keep_picture(image: Mapping[str, Any], ref: str, root: str | Path) -> None:
    """Keeps the bytes of a data: URI, `ref`, if its row of table `images` says that they are a good picture.

    The file is there before any table names it. A run that does not publish leaves it, and the next one finds it.
    """
    if image["verdict"] != "good":
        return
    path = media_path(root, image["sha256"], image["format"])
    if not path.is_file():
        write_whole(path, decode_data_uri(ref))
