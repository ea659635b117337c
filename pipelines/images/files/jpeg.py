"""JPEG: marker segments, and scans of entropy-coded data between them. Format: ITU-T T.81."""

from __future__ import annotations

import re
from collections.abc import Iterator

import simplejpeg

from pipelines.images.files.pixels import believable, decode_with_pillow, turned
from pipelines.images.files.reader import Reader, corrupt, too_many, truncated
from pipelines.records import Size

_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # SOF; the three others are DHT, JPG, DAC
_SOI, _EOI, _SOS, _APP1 = 0xD8, 0xD9, 0xDA, 0xE1
_BARE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # inside a scan: neither a stuffed byte, a restart nor a fill byte
_FILL = re.compile(rb"\xff*")
# Segments hold up to 64 KiB each, and a scan has at most a few: a file of 33 MB needs some 500. Fill bytes align what follows them, so a
# page or two is what a file has. Pillow reads both one by one in Python.
MOST_SEGMENTS = 4096
MOST_FILL_BYTES = 1 << 20
# Encoders write 10 scans, 18 for four components, and optimizers some more. Each one visits every block, even for no bytes: about 40 ms for 64 million pixels.
MOST_SCANS = 32
MOST_SCANNED_PIXELS = MOST_SCANS * 64_000_000  # a picture of few pixels may have more scans
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
    """A frame, at least one scan and not too many, and the end marker."""
    pixels = scans = 0
    for marker, body in _segments(data):
        if marker in _FRAMES:
            pixels = max(pixels, int.from_bytes(body[1:3], "big") * int.from_bytes(body[3:5], "big"))
        scans += marker == _SOS
    if not scans or not pixels:
        raise corrupt("there is no scan")
    if scans > MOST_SCANS and scans * pixels > MOST_SCANNED_PIXELS:
        raise corrupt(f"{scans} scans of {pixels} pixels; at most {MOST_SCANS}, or {MOST_SCANNED_PIXELS} pixels in all scans")


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
    """(marker, body) up to EOI. Raises Reject where the file ends before, or something else is where a marker must be."""
    reader = Reader(data, 2)
    fill_bytes = 0
    for _ in range(MOST_SEGMENTS):
        if reader.take(1) != b"\xff":
            raise corrupt(f"no marker at byte {reader.at - 1}")
        fill_bytes += _skip_fill(reader)
        if fill_bytes > MOST_FILL_BYTES:
            raise too_many(MOST_FILL_BYTES, "fill bytes")
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
    raise too_many(MOST_SEGMENTS, "segments")


def _skip_fill(reader: Reader) -> int:
    """Skips the bytes FF before a marker's own; their number."""
    found = _FILL.match(reader.data, reader.at)
    count = len(found[0]) if found else 0
    reader.skip(count)
    return count
