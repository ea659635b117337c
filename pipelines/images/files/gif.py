"""GIF: a screen, then blocks of sub-blocks. Format: CompuServe GIF89a."""

from __future__ import annotations

import struct

from pipelines.images.files.pixels import believable, decode_with_pillow
from pipelines.images.files.reader import Reader, corrupt, too_many
from pipelines.records import Size

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
# A sub-block holds 255 bytes, and a file of 33 MB has some 130,000 of them.
MOST_BLOCKS = 1 << 19


def is_one(data: bytes) -> bool:
    return data.startswith((b"GIF87a", b"GIF89a"))


def read_size(data: bytes, max_pixels: int) -> Size:
    reader = Reader(data, 6)
    return believable(reader.little(2), reader.little(2), max_pixels)


def check_structure(data: bytes) -> None:
    """Every block is whole, at least one is an image inside the screen, and the trailer is there."""
    reader = Reader(data, 6)
    screen = Size(reader.little(2), reader.little(2))
    _skip_colours(reader, reader.take(3)[0])
    has_image = False
    blocks = 0
    while (kind := reader.big(1)) != _TRAILER:
        if kind == _EXTENSION:
            reader.skip(1)
        elif kind == _IMAGE:
            has_image = True
            _skip_image_header(reader, screen)
        else:
            raise corrupt(f"block {kind:02X} at byte {reader.at - 1} is of no known kind")
        blocks += 1 + _skip_sub_blocks(reader, MOST_BLOCKS - blocks)
    if not has_image:
        raise corrupt("it holds no image")


def check_pixels(data: bytes) -> None:
    decode_with_pillow(data, "GIF")


def _skip_image_header(reader: Reader, screen: Size) -> None:
    left, top, width, height, flags = struct.unpack("<4HB", reader.take(9))
    if left + width > screen.width or top + height > screen.height or not width or not height:
        raise corrupt(f"an image of {width}x{height} px at ({left}, {top}) does not fit the screen of {screen.width}x{screen.height} px")
    _skip_colours(reader, flags)
    reader.skip(1)


def _skip_sub_blocks(reader: Reader, most: int) -> int:
    """Skips the sub-blocks and their end; their number. Raises Reject where there are more than `most`, or the file ends before."""
    for count in range(most):
        length = reader.big(1)
        if not length:
            return count
        reader.skip(length)
    raise too_many(MOST_BLOCKS, "blocks")


def _skip_colours(reader: Reader, flags: int) -> None:
    if flags & 0x80:
        reader.skip(3 << ((flags & 7) + 1))
