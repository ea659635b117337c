"""The pictures of an export: each file once, as `images/<sha256>.<ext>`, linked where the file system can, else copied."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from pipelines.training.pictures import ImageRoot, picture_bytes, picture_file
from pipelines.training.tables import Published

ORIENTATION = 0x0112  # the EXIF tag; 1 is upright


class PictureFolder:
    """Puts pictures into `staging`, and names them by where they will be: in `final`, once the export is whole."""

    def __init__(self, published: Published, staging: Path, final: Path, copy: bool, image_root: ImageRoot | None) -> None:
        self.published, self.staging, self.final = published, staging, final
        self.copy, self.image_root = copy, image_root
        self.names: dict[str, str] = {}

    def path_of(self, image: Mapping[str, Any]) -> str:
        """The absolute path of this picture in the finished export. Raises PictureMissing, PictureChanged."""
        sha256 = image["sha256"]
        if sha256 not in self.names:
            self.staging.mkdir(exist_ok=True)
            self.names[sha256] = self._put(image)
        return str(self.final / self.names[sha256])

    def _put(self, image: Mapping[str, Any]) -> str:
        """No trainer turns a picture by its EXIF data, and the views were planned for the turned one: so a turned picture is written."""
        file = picture_file(self.published, image, self.image_root)
        data = file.read_bytes() if file else picture_bytes(self.published, image, self.image_root)
        with Image.open(io.BytesIO(data)) as picture:
            if picture.getexif().get(ORIENTATION, 1) in range(2, 9):
                name = f"{image['sha256']}-turned.png"
                ImageOps.exif_transpose(picture).convert("RGB").save(self.staging / name)
                return name
        name = f"{image['sha256']}.{image['format'].lower()}"
        if self.copy or file is None or not _linked(file, self.staging / name):
            (self.staging / name).write_bytes(data)
        return name


def _linked(file: Path, path: Path) -> bool:
    """Whether the file could be linked."""
    try:
        os.link(file, path)
    except OSError:  # another file system, or one without links
        return False
    return True
