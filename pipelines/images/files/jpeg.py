"""JPEG: marker segments, and scans of entropy-coded data between them. Format: ITU-T T.81."""

from __future__ import annotations

import re
from collections.abc import Iterator

import simplejpeg

from pipelines.images.files.pixels import believable, decode_with_pillow, turned
from pipelines.images.files.reader import Reader, corrupt, truncated
from pipelines.records import Size

_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # SOF; the three others are DHT, JPG, DAC
_SOI, _EOI, _SOS, _APP1 = 0xD8, 0xD9, 0xDA, 0xE1
_BARE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # inside a scan: neither a stuffed byte, a restart nor a fill byte
# Cameras write these, every decoder shows the picture whole, and nothing of it is lost.
_HARMLESS = ("extraneous bytes before marker", "Invalid SOS parameters")


def is_one(data: bytes) -> bool:
    return data.startswith(b"\xff\xd8\xff")


def read_size(data: bytes, max_pixels: int) -> Size:
    exif = None
    for marker, body in _segments(data):
        if marker == _APP1 and body.startswith(b"Exif\0\0") and exif is None:
            exif = body
        elif marker in _FRAMES:
            if len(body) < 6:
                raise corrupt("the frame header is too short")
            return turned(believable(int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big"), max_pixels), exif)
    raise truncated("there is no frame header")


def check_structure(data: bytes) -> None:
    """A frame, at least one scan, and the end marker."""
    markers = [marker for marker, _ in _segments(data)]
    if _SOS not in markers or not _FRAMES & set(markers):
        raise corrupt("there is no scan")


def check_pixels(data: bytes) -> None:
    """All coefficients of all components decode; a warning of the decoder is a fault, but for the harmless ones."""
    try:
        # Grey alone: every component is still entropy-decoded, and the colour conversion is saved.
        simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=True)
    except ValueError as error:
        words = str(error)
        if any(harmless in words for harmless in _HARMLESS) or "colorspace" in words.lower() or "colour" in words.lower():
            return decode_with_pillow(data, "JPEG")
        raise (truncated if "remature end" in words else corrupt)(words) from None


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, body) up to EOI. Raises Reject where the file ends before, or something else stands where a marker must."""
    reader = Reader(data, 2)
    while True:
        if reader.take(1) != b"\xff":
            raise corrupt(f"no marker at byte {reader.at - 1}")
        marker = reader.big(1)
        while marker == 0xFF:
            marker = reader.big(1)
        if marker == _EOI:
            return
        if marker in _BARE:
            continue
        length = reader.big(2)
        if length < 2:
            raise corrupt(f"segment {marker:02X} at byte {reader.at - 2} has length {length}")
        yield marker, reader.take(length - 2)
        if marker == _SOS:
            found = _NEXT_MARKER.search(data, reader.at)
            if found is None:
                raise truncated("the last scan has no end")
            reader.at = found.start()
