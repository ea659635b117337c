"""PNG: chunks with checksums, and one zlib stream of filtered rows. Format: W3C PNG, third edition.

Pillow stops reading when it has its rows, so it lets a stream through that ends early at the end of a row, and checks neither
filters nor the stream's own checksum; here every row is counted and every filter looked at, which is faster than decoding too.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from isal import isal_zlib

from pipelines.images.files.pixels import believable, turned
from pipelines.images.files.reader import Reader, corrupt, too_many, truncated
from pipelines.reasons import Reason, Reject
from pipelines.records import Size

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # by colour type
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # x, y, step x, step y
TEXT_BYTES = 1 << 20  # PIL.PngImagePlugin.MAX_TEXT_CHUNK: a text that unpacks to more makes Pillow raise when the trainer opens it
ALL_TEXT_BYTES = 64 * TEXT_BYTES  # PIL.PngImagePlugin.MAX_TEXT_MEMORY: the same for all texts together
_MOST_UNPACKED = 1032  # bytes that deflate can make of one
# libpng writes pixels in chunks of 8 KiB, and a file of 33 MB has some 4,000; other chunks are few.
MOST_CHUNKS = 1 << 17
_PACKED = 1 << 18  # bytes given to the decoder at once: it copies what it leaves for its next piece
_PIECE = 1 << 22


class Header(NamedTuple):
    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool


def is_one(data: bytes) -> bool:
    return data.startswith(SIGNATURE)


def read_size(data: bytes, max_pixels: int) -> Size:
    header = _header(data)
    size = believable(header.width, header.height, max_pixels)
    exif = None  # of several, Pillow takes the last
    for kind, start, end in _places_until_end(data):
        exif = data[start:end] if kind == b"eXIf" else exif
    return turned(size, exif)


def check_structure(data: bytes) -> None:
    """Every chunk with its checksum, IHDR first, PLTE where the colours need it, IDAT, IEND at the end, and no more text than Pillow reads."""
    kinds = set()
    text_bytes = 0
    for kind, body, checksum in _chunks(data):
        if isal_zlib.crc32(body, isal_zlib.crc32(kind)) != checksum:
            raise corrupt(f"the checksum of chunk {kind.decode('latin-1')} is wrong")
        if kind in (b"zTXt", b"iTXt", b"iCCP"):
            text_bytes += _text_bytes(kind, body)
            if text_bytes > ALL_TEXT_BYTES:
                raise Reject(Reason.IMAGE_METADATA_BOMB.at("", f"its text chunks unpack to more than {ALL_TEXT_BYTES} bytes"))
        kinds.add(kind)
    if b"IDAT" not in kinds:
        raise corrupt("there is no chunk IDAT")
    if _header(data).colour == 3 and b"PLTE" not in kinds:
        raise corrupt("there is no palette")


def check_pixels(data: bytes) -> None:
    """The stream holds every row of the header's picture, each with a filter that exists, and its own checksum is right."""
    rows = _Rows(_header(data))
    inflate = isal_zlib.decompressobj()
    try:
        for packed in _packed_pixels(data):
            if inflate.eof:
                break
            piece = inflate.decompress(packed, _PIECE)
            rows.add(piece)
            # A full piece may have more behind it that has left the tail already: flat pictures end with less than a byte a row.
            while not inflate.eof and (inflate.unconsumed_tail or len(piece) == _PIECE):
                piece = inflate.decompress(inflate.unconsumed_tail, _PIECE)
                rows.add(piece)
    except isal_zlib.error as error:  # type: ignore[misc]  # the stub says it is no exception
        raise corrupt(f"the compressed pixels are damaged: {error}") from None
    if rows.missing:
        raise Reject(Reason.IMAGE_SHORT_DATA.at("", f"{rows.missing} bytes of pixels are missing at the end"))
    if not inflate.eof:
        raise truncated("the compressed pixels have no end")


def _packed_pixels(data: bytes) -> Iterator[bytes]:
    """The compressed pixels, at most _PACKED bytes at a time."""
    for kind, body, _ in _chunks(data):
        if kind == b"IDAT":
            yield from (body[at : at + _PACKED] for at in range(0, len(body), _PACKED))


class _Rows:
    """Counts the bytes of filtered rows as they come, and checks the first of each: its filter."""

    def __init__(self, header: Header):
        self._passes = list(_passes(header))
        self._in_pass = self._extra = 0
        self.missing = sum(rows * length for rows, length in self._passes)

    def add(self, piece: bytes) -> None:
        view = np.frombuffer(piece, dtype=np.uint8)
        while len(view) and self._passes:
            rows, length = self._passes[0]
            own = view[: rows * length - self._in_pass]
            filters = own[-self._in_pass % length :: length]
            if len(filters) and filters.max() > 4:
                raise corrupt(f"a row has filter {filters.max()}")
            self._in_pass += len(own)
            self.missing -= len(own)
            view = view[len(own) :]
            if self._in_pass == rows * length:
                self._passes.pop(0)
                self._in_pass = 0
        self._extra += len(view)
        if self._extra > _PIECE:  # every reader passes a few bytes over; a bomb is not unpacked to its end
            raise corrupt(f"the compressed pixels go on for more than {_PIECE} bytes after the last row")


def _passes(header: Header) -> Iterator[tuple[int, int]]:
    """(rows, bytes of a row with its filter) of each pass that has pixels."""
    bits = header.depth * _CHANNELS[header.colour]
    for x, y, step_x, step_y in _ADAM7 if header.interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(header.width - x) // step_x), -(-(header.height - y) // step_y)
        if columns > 0 and rows > 0:
            yield rows, 1 + (columns * bits + 7) // 8


def _header(data: bytes) -> Header:
    reader = Reader(data, len(SIGNATURE))
    length, kind = reader.big(4), reader.take(4)
    body, checksum = reader.take(13), reader.big(4)
    if kind != b"IHDR" or length != 13:
        raise corrupt("the first chunk is not IHDR")
    if isal_zlib.crc32(body, isal_zlib.crc32(kind)) != checksum:
        raise corrupt("the checksum of chunk IHDR is wrong")
    width, height = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")
    depth, colour, compression, filtering, interlace = body[8:]
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise corrupt(f"depth {depth}, colour type {colour}, interlace {interlace} do not go together")
    return Header(width, height, depth, colour, bool(interlace))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """(kind, body, checksum) up to IEND. Raises Reject as `_places` does."""
    for kind, start, end in _places(data):
        yield kind, data[start:end], int.from_bytes(data[end : end + 4], "big")


def _places(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start and end of its body) of each chunk up to IEND; what comes after it is no part of the picture. Raises Reject where the file ends before."""
    reader = Reader(data, len(SIGNATURE))
    for _ in range(MOST_CHUNKS):
        length, kind = struct.unpack(">I4s", reader.take(8))
        if not kind.isalpha():
            raise corrupt(f"chunk {kind!r} has an impossible name")
        reader.skip(length)
        reader.skip(4)
        yield kind, reader.at - 4 - length, reader.at - 4
        if kind == b"IEND":
            return
    raise too_many(MOST_CHUNKS, "chunks")


def _places_until_end(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The chunks that are whole: the header level judges nothing else."""
    try:
        yield from _places(data)
    except Reject:
        return


def _text_bytes(kind: bytes, body: bytes) -> int:
    """The bytes that a text or profile chunk unpacks to; of a damaged one, the most that could have been unpacked. Raises Reject.

    These chunks are never used; but one that unpacks beyond Pillow's limit makes every reader of the file raise.
    """
    if kind == b"iTXt":
        _, _, rest = body.partition(b"\0")
        if rest[:1] != b"\x01":
            return len(body)
        packed = rest[2:].split(b"\0", 2)[-1]
    else:
        packed = body.partition(b"\0")[2][1:]
    try:
        unpacked = zlib.decompressobj().decompress(packed, TEXT_BYTES + 1)
    except zlib.error:
        return min(len(packed) * _MOST_UNPACKED, TEXT_BYTES)
    if len(unpacked) > TEXT_BYTES:
        raise Reject(Reason.IMAGE_METADATA_BOMB.at("", f"chunk {kind.decode()} of {len(body)} bytes unpacks to more than {TEXT_BYTES}"))
    return len(unpacked)
