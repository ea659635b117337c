"""What all formats share: a believable size, EXIF turning, and decoding by Pillow where a format has no faster check."""

from __future__ import annotations

import io
import struct

from PIL import Image, UnidentifiedImageError

from pipelines.images.files.reader import corrupt
from pipelines.reasons import Reason, Reject
from pipelines.records import Size
from pipelines.training.orientation import orientation_of

_TURNED = (5, 6, 7, 8)  # orientations whose width is the stored height


def believable(width: int, height: int, max_pixels: int) -> Size:
    if width <= 0 or height <= 0:
        raise Reject(Reason.IMAGE_ZERO_SIZE.at("", f"{width}x{height} px"))
    if width * height > max_pixels:
        raise Reject(Reason.IMAGE_PIXEL_LIMIT.at("", f"{width}x{height} px, images.max_pixels is {max_pixels}"))
    return Size(width, height)


def turned(size: Size, exif: bytes | None) -> Size:
    """The size as a viewer shows it: orientations 5 to 8 swap the sides."""
    return Size(size.height, size.width) if exif and orientation_of(exif) in _TURNED else size


def decode_with_pillow(data: bytes, kind: str) -> None:
    """Decodes the first picture whole. Raises Reject with Pillow's own words."""
    Image.MAX_IMAGE_PIXELS = None  # our own limit was checked against the header before
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as image:
            image.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error) as error:
        words = str(error)
        if "truncated" in words:
            raise Reject(Reason.IMAGE_TRUNCATED.at("", words)) from None
        raise corrupt(words if "BytesIO" not in words else "it cannot be decoded") from None
