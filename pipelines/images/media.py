"""The pictures that stand in the logs themselves, kept once each under the output root."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.images.data_uri import decode_data_uri
from pipelines.storage.files import file_exists, write_file
from pipelines.storage.locations import join
from pipelines.storage.stores import Stores
from pipelines.training.pictures import MEDIA, media_name


def keep_picture(image: Mapping[str, Any], ref: str, root: str, stores: Stores) -> None:
    """Keeps the bytes of a data: URI, `ref`, if its row of table `images` says that they are a good picture.

    The file is there before any table names it. A run that does not publish leaves it, and the next one finds it.
    """
    if image["verdict"] != "good":
        return
    path = join(root, f"{MEDIA}/{media_name(image['sha256'], image['format'])}")
    if not file_exists(path, stores):
        write_file(path, decode_data_uri(ref), stores)
