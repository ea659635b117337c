"""The bytes of a file in bounded chunks, decompressed if needed. Its first bytes, not its name, show the compression."""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

import zstandard

from pipelines.reasons import Reason
from pipelines.records import Finding
from pipelines.storage.opening import open_file
from pipelines.storage.stores import ENVIRONMENT, Stores

CHUNK = 1 << 20
ZSTD_STEP = 1 << 10  # compressed bytes; each gives at most 32,000, so a step gives at most 32 MiB
XZ_MEMORY = 256 << 20  # `xz -9` needs 65 MiB


class Damaged(Exception):
    """The file is damaged here; what was read before is complete."""

    def __init__(self, finding: Finding):
        super().__init__(finding)
        self.finding = finding


class Codec(NamedTuple):
    """A kind of compression: how its files begin, the ending of their names, the reasons for an incomplete and for a corrupt file."""

    name: str
    magic: re.Pattern[bytes]
    suffix: str
    open: Callable[[], Any]
    cut: Reason = Reason.FILE_COMPRESSION
    corrupt: Reason = Reason.FILE_COMPRESSION


class _Zlib:
    """zlib's decompressor with the interface that those of bz2 and lzma have."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    def decompress(self, packed: bytes, most: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + packed, most)

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


class _Zstd:
    """The same for zstandard's, which decompresses all of its input at once, so it gets little at a time."""

    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor().decompressobj()
        self._packed = b""

    def decompress(self, packed: bytes, most: int) -> bytes:
        packed = self._packed + packed if self._packed else packed
        parts, size, at = [], 0, 0
        while at < len(packed) and size < most and not self._inner.eof:
            parts.append(self._inner.decompress(packed[at : at + ZSTD_STEP]))
            size += len(parts[-1])
            at += ZSTD_STEP
        self._packed = packed[at:]
        return b"".join(parts)

    @property
    def needs_input(self) -> bool:
        return not self._packed

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data + self._packed


CODECS = (
    Codec("gzip", re.compile(rb"\x1f\x8b"), ".gz", _Zlib, Reason.FILE_GZIP_TRUNCATED, Reason.FILE_GZIP_CORRUPT),
    Codec("zstd", re.compile(rb"(\x28\xb5\x2f|[\x50-\x5f]\x2a\x4d\x18)", re.DOTALL), ".zst", _Zstd),
    Codec("bzip2", re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"), ".bz2", bz2.BZ2Decompressor),
    Codec("xz", re.compile(rb"\xfd7zXZ\x00"), ".xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)),
)
# Archives and compressions that are known, but not supported.
UNREAD = {
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "a zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a rar archive",
    b"\x04\x22\x4d\x18": "an lz4 file",
    b"\xff\x06\x00\x00sNaPpY": "a snappy file",
    b"\x1f\x9d": "a .Z file",
}
_FAULTS = (zlib.error, zstandard.ZstdError, lzma.LZMAError, OSError, ValueError, EOFError)


def codec_of(head: bytes) -> Codec | None:
    """The compression of a file that begins with these bytes; None if it has none."""
    return next((codec for codec in CODECS if codec.magic.match(head)), None)


def unread_kind(head: bytes) -> str | None:
    """What a file is that begins with these bytes, if it is an archive or a compression that is not supported."""
    if head[257:262] == b"ustar":
        return "a tar archive"
    return next((kind for magic, kind in UNREAD.items() if head.startswith(magic)), None)


def read_chunks(path: str, size: int = CHUNK, stores: Stores = ENVIRONMENT) -> Iterator[bytes]:
    """The content of the file in chunks, of at most `size` where it is not compressed. Raises OSError, and Damaged if a compressed
    file is incomplete, its checksum is wrong, or its compression is not supported."""
    with open_file(path, stores) as file:
        head = file.read(512)
        file.seek(0)
        if codec := codec_of(head):
            yield from _unpack(file, path, codec)
        elif kind := unread_kind(head):
            raise Damaged(Reason.FILE_COMPRESSION.at(path, f"{kind} cannot be read; unpack it"))
        else:
            yield from iter(lambda: file.read(size), b"")


def _unpack(file: BinaryIO, path: str, codec: Codec) -> Iterator[bytes]:
    """The content of all members, one after the other. What one step decompresses is bounded."""
    member = codec.open()
    packed = b""
    while packed := packed or file.read(CHUNK):
        if member.eof:
            # Zeros after the last member are padding of tapes and block devices; gzip itself ignores them.
            packed = packed.lstrip(b"\0")
            if not packed:
                continue
            member = codec.open()
        while True:
            try:
                unpacked = member.decompress(packed, CHUNK)
            except _FAULTS as error:
                raise Damaged(codec.corrupt.at(path, f"the {codec.name} data cannot be decompressed near byte {file.tell():,}: {error}")) from None
            packed = b""
            if unpacked:
                yield unpacked
            if member.eof or member.needs_input:
                break
        packed = member.unused_data if member.eof else b""
    if not member.eof:
        raise Damaged(codec.cut.at(path, f"the {codec.name} data is not complete at the end of the file, byte {file.tell():,}"))
