"""GIF: a screen, then blocks of sub-blocks. Format: CompuServe GIF89a."""

from __future__ import annotations

from pipelines.images.files.pixels import believable, decode_with_pillow
from pipelines.images.files.reader import Reader, corrupt
from pipelines.records import Size

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B


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
    images = 0
    while (kind := reader.big(1)) != _TRAILER:
        if kind == _EXTENSION:
            reader.skip(1)
        elif kind == _IMAGE:
            images += 1
            _skip_image_header(reader, screen)
        else:
            raise corrupt(f"block {kind:02X} at byte {reader.at - 1} is of no known kind")
        while length := reader.big(1):
            reader.skip(length)
    if not images:
        raise corrupt("there is no image in it")


def check_pixels(data: bytes) -> None:
    decode_with_pillow(data, "GIF")


def _skip_image_header(reader: Reader, screen: Size) -> None:
    left, top, width, height = (reader.little(2) for _ in range(4))
    if left + width > screen.width or top + height > screen.height or not width or not height:
        raise corrupt(f"an image of {width}x{height} px at ({left}, {top}) does not fit the screen of {screen.width}x{screen.height} px")
    _skip_colours(reader, reader.big(1))
    reader.skip(1)


def _skip_colours(reader: Reader, flags: int) -> None:
    if flags & 0x80:
        reader.skip(3 << ((flags & 7) + 1))
