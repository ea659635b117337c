"""The pictures of an export: each file once, as `images/<sha256>.<ext>`, linked where the file system can, else copied."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from pipelines.training.orientation import turn_of
from pipelines.training.pictures import ImageRoot, picture_bytes, picture_file
from pipelines.training.pixels import fit_side, upright
from pipelines.training.tables import Published


class PictureFolder:
    """Puts pictures into `staging`, and names them by where they will be: in `final`, once the export is whole."""

    def __init__(self, published: Published, staging: Path, final: Path, copy: bool, image_root: ImageRoot | None) -> None:
        self.published, self.staging, self.final = published, staging, final
        self.copy, self.image_root = copy, image_root
        self.names: dict[str, str] = {}

    def path_of(self, image: Mapping[str, Any], max_side: int | None = None) -> str:
        """The absolute path of this picture in the finished export, with no side longer than `max_side`. Raises PictureMissing, PictureChanged."""
        sha256 = image["sha256"]
        if sha256 not in self.names:
            self.staging.mkdir(exist_ok=True)
            self.names[sha256] = self._put(image, max_side)
        return str(self.final / self.names[sha256])

    def _put(self, image: Mapping[str, Any], max_side: int | None) -> str:
        """The name of the picture in the folder. One that EXIF data turn is written turned, since no trainer does it and the views were planned so;
        a picture that the model's own code makes smaller before it is sliced (AgentCPM-GUI) is written so where the trainer does not do it."""
        file = picture_file(self.published, image, self.image_root)
        data = file.read_bytes() if file else picture_bytes(self.published, image, self.image_root)
        with Image.open(io.BytesIO(data)) as picture:
            size = (image["width"], image["height"])
            is_large = max_side is not None and max(size) > max_side
            if is_large or turn_of(picture) != 1 or picture.size != size:
                made = upright(picture, image)
                name = f"{image['sha256']}-{max_side if is_large else 'turned'}.png"
                (made.resize(fit_side(size, max_side), Image.Resampling.LANCZOS) if max_side and is_large else made).save(self.staging / name)
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
