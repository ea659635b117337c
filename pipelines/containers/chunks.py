"""A file's bytes in bounded chunks, unpacked where it is gzipped."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from pipelines.reasons import Reason
from pipelines.records import Finding

CHUNK = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"


class Damaged(Exception):
    """The file is damaged here; what was read before is whole."""

    def __init__(self, finding: Finding):
        super().__init__(finding)
        self.finding = finding


def read_chunks(path: str) -> Iterator[bytes]:
    """The content of the file in chunks of at most 1 MiB. Raises Damaged where a .gz is cut or its checksum is wrong, and OSError."""
    with open(path, "rb") as file:
        head = file.read(len(GZIP_MAGIC))
        file.seek(0)
        yield from _gunzip(file, path) if head == GZIP_MAGIC else iter(lambda: file.read(CHUNK), b"")


def _gunzip(file: BinaryIO, path: str) -> Iterator[bytes]:
    """All members, one after the other; what one step unpacks is bounded, however well it was packed."""
    member = zlib.decompressobj(wbits=31)
    packed = b""
    while packed := packed or file.read(CHUNK):
        if member.eof:
            # Zeros after the last member are padding of tapes and block devices; gzip itself passes them over.
            packed = packed.lstrip(b"\0")
            if not packed:
                continue
            member = zlib.decompressobj(wbits=31)
        try:
            unpacked = member.decompress(packed, CHUNK)
        except zlib.error as error:
            raise Damaged(Reason.FILE_GZIP_CORRUPT.at(path, f"near byte {file.tell()}: {error}")) from None
        packed = member.unused_data if member.eof else member.unconsumed_tail
        if unpacked:
            yield unpacked
    if not member.eof:
        raise Damaged(Reason.FILE_GZIP_TRUNCATED.at(path, f"the stream goes on after the file's last byte, {file.tell()}"))
