"""WebP: a RIFF of chunks, with one VP8 or VP8L bitstream or an animation of them. Format: RFC 9649."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pipelines.images.files.pixels import believable, decode_with_pillow, turned
from pipelines.images.files.reader import Reader, corrupt, too_many, truncated
from pipelines.reasons import Reason, Reject
from pipelines.records import Size

_PICTURES = (b"VP8 ", b"VP8L", b"ANMF")
# An animation has one for each frame, and there are seven other kinds, each of which a file has once.
MOST_CHUNKS = 1 << 16


def is_one(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def read_size(data: bytes, max_pixels: int) -> Size:
    reader = Reader(data, 12)
    kind, _ = reader.take(4), reader.little(4)
    if kind == b"VP8X":
        reader.skip(4)
        size = Size(reader.little(3) + 1, reader.little(3) + 1)
    elif kind == b"VP8L":
        size = _lossless_size(reader)
    elif kind == b"VP8 ":
        size = _lossy_size(reader)
    else:
        raise corrupt(f"the first chunk is {kind!r}")
    return turned(believable(*size, max_pixels), _exif(data))


def check_structure(data: bytes) -> None:
    """The RIFF is as long as it says, and has a picture with whole chunks before it."""
    promised = 8 + int.from_bytes(data[4:8], "little")
    if promised > len(data):
        raise truncated(f"the header says {promised} bytes, and the file has {len(data)}")
    if not any(kind in _PICTURES for kind, _, _ in _chunks(data[:promised])):
        raise corrupt("it holds no picture")


def check_pixels(data: bytes) -> None:
    decode_with_pillow(data, "WEBP")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start and end of its body) of each chunk."""
    reader = Reader(data, 12)
    for _ in range(MOST_CHUNKS):
        if not reader.left:
            return
        kind, length = struct.unpack("<4sI", reader.take(8))
        reader.skip(length)
        yield kind, reader.at - length, reader.at
        if length % 2 and reader.left:
            reader.skip(1)
    if reader.left:
        raise too_many(MOST_CHUNKS, "chunks")


def _exif(data: bytes) -> bytes | None:
    try:
        return next((data[start:end] for kind, start, end in _chunks(data) if kind == b"EXIF"), None)
    except Reject as reject:
        if reject.findings[0].code == Reason.IMAGE_TRUNCATED.code:
            return None
        raise


def _lossless_size(reader: Reader) -> Size:
    if reader.big(1) != 0x2F:
        raise corrupt("the VP8L signature is wrong")
    bits = reader.little(4)
    return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)


def _lossy_size(reader: Reader) -> Size:
    reader.skip(3)
    if reader.take(3) != b"\x9d\x01\x2a":
        raise corrupt("the VP8 start code is wrong")
    return Size(reader.little(2) & 0x3FFF, reader.little(2) & 0x3FFF)
