"""BMP: a header, then rows. Format: Windows DIB, headers of 12 to 124 bytes."""

from __future__ import annotations

from typing import NamedTuple

from pipelines.images.files.pixels import believable, decode_with_pillow
from pipelines.images.files.reader import Reader, corrupt, truncated
from pipelines.reasons import Reason, Reject
from pipelines.records import Size

_UNCOMPRESSED = (0, 3, 6)  # BI_RGB, BI_BITFIELDS, BI_ALPHABITFIELDS
_RUN_LENGTHS = (1, 2)  # BI_RLE8, BI_RLE4
# Pillow unpacks run lengths in Python, where a run takes half a microsecond and a pixel a tenth. A screen of 3840x2160 px fits.
MOST_RUN_LENGTH_BYTES = 4 << 20
MOST_RUN_LENGTH_PIXELS = 16_000_000


class Header(NamedTuple):
    offset: int
    width: int
    height: int
    bits: int
    compression: int


def is_one(data: bytes) -> bool:
    """By the mark and a header length that exists: two letters alone begin many a text."""
    return data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in (12, 16, 40, 52, 56, 64, 108, 124)


def read_size(data: bytes, max_pixels: int) -> Size:
    header = _header(data)
    return believable(header.width, header.height, max_pixels)


def check_structure(data: bytes) -> None:
    header = _header(data)
    if header.bits not in (1, 2, 4, 8, 16, 24, 32) or header.compression > 6:
        raise corrupt(f"{header.bits} bits a pixel, compression {header.compression}")
    if header.compression in _UNCOMPRESSED:
        needed = header.offset + (header.width * header.bits + 31) // 32 * 4 * header.height
        if needed > len(data):
            raise truncated(f"the rows need {needed} bytes, and the file has {len(data)}")
    if header.compression in _RUN_LENGTHS:
        packed, pixels = len(data) - header.offset, header.width * header.height
        if packed > MOST_RUN_LENGTH_BYTES or pixels > MOST_RUN_LENGTH_PIXELS:
            raise Reject(
                Reason.IMAGE_FORMAT_NOT_ALLOWED.at(
                    "",
                    f"it is a run-length encoded BMP of {packed} bytes and {pixels} pixels; at most {MOST_RUN_LENGTH_BYTES} and {MOST_RUN_LENGTH_PIXELS} are read",
                )
            )


def check_pixels(data: bytes) -> None:
    decode_with_pillow(data, "BMP")


def _header(data: bytes) -> Header:
    """`height` is positive, whether the rows go from the bottom up or from the top down."""
    reader = Reader(data, 10)
    offset, length = reader.little(4), reader.little(4)
    if length == 12:
        width, height = reader.little(2), reader.little(2)
        reader.skip(2)
        return Header(offset, width, height, reader.little(2), 0)
    width, height = reader.little(4, signed=True), reader.little(4, signed=True)
    reader.skip(2)
    return Header(offset, width, abs(height), reader.little(2), reader.little(4))
