"""What all formats share: a believable size, EXIF turning, and decoding by Pillow where a format has no faster check."""

from __future__ import annotations

import io
import struct

from PIL import Image, UnidentifiedImageError

from pipelines.images.files.reader import corrupt
from pipelines.reasons import Reason, Reject
from pipelines.records import Size

_ORIENTATION = 0x0112
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


def orientation_of(exif: bytes) -> int:
    """Tag 0x0112 of the first directory of a TIFF block; 1 where there is none or the block is damaged, as viewers do.

    >>> orientation_of(b"Exif\\0\\0MM\\0*\\0\\0\\0\\x08\\0\\x01\\x01\\x12\\0\\x03\\0\\0\\0\\x01\\0\\x06\\0\\0")
    6
    """
    block = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    try:
        if order is None:
            return 1
        (start,) = struct.unpack_from(order + "I", block, 4)
        (entries,) = struct.unpack_from(order + "H", block, start)
        for i in range(min(entries, 1024)):
            tag, _, _, value = struct.unpack_from(order + "HHIH", block, start + 2 + 12 * i)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


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
