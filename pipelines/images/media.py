"""The pictures that stand in the logs themselves, kept once each under the output root."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.images.data_uri import decode_data_uri
from pipelines.storage.files import write_whole
from pipelines.training.pictures import MEDIA, media_name


def keep_picture(image: Mapping[str, Any], ref: str, root: str | Path) -> None:
    """Keeps the bytes of a data: URI, `ref`, if its row of table `images` says that they are a good picture.

    The file is there before any table names it. A run that does not publish leaves it, and the next one finds it.
    """
    if image["verdict"] != "good":
        return
    path = Path(root) / MEDIA / media_name(image["sha256"], image["format"])
    if not path.is_file():
        write_whole(path, decode_data_uri(ref))
