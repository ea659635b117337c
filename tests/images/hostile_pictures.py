"""Hostile pictures of any size: valid as far as their structure goes, and made to cost a reader far more than their bytes."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache

from PIL import Image

from pipelines.images.files.png import SIGNATURE, TEXT_BYTES

SIDE = 8000  # px: a square of as many pixels as the default limit allows


@cache
def drawn(kind: str, **options: bool) -> bytes:
    """An honest picture of 12 x 9 px."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize((12, 9)).convert("P" if kind == "GIF" else "RGB").save(file, kind, **options)
    return file.getvalue()


def _side(size: int) -> int:
    return SIDE if size >= 1 << 20 else 80


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + (len(body) + 2).to_bytes(2, "big") + body


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(body, zlib.crc32(kind)).to_bytes(4, "big")


def webp_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


def jpeg_around(parts: bytes) -> bytes:
    """An honest JPEG with these bytes before its first segment."""
    data = drawn("JPEG")
    return data[:2] + parts + data[2:]


def png_around(parts: bytes) -> bytes:
    """An honest PNG with these chunks after its header."""
    data = drawn("PNG")
    return data[:33] + parts + data[33:]


def gif_around(parts: bytes) -> bytes:
    """An honest GIF with these blocks before its first image."""
    data = drawn("GIF")
    at = 13 + (3 << ((data[10] & 7) + 1))
    return data[:at] + parts + data[at:]


def webp_around(parts: bytes) -> bytes:
    """An honest WebP with these chunks after its picture."""
    data = drawn("WEBP", lossless=True)
    picture = data[12:]
    body = b"WEBP" + webp_chunk(b"VP8X", b"\0\0\0\0" + (11).to_bytes(3, "little") + (8).to_bytes(3, "little")) + picture + parts
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def jpeg_fill_bytes(size: int) -> bytes:
    return jpeg_around(b"\xff" * size)


def jpeg_restart_markers(size: int) -> bytes:
    return jpeg_around(b"\xff\xd0" * (size // 2))


def jpeg_empty_segments(size: int) -> bytes:
    return jpeg_around(jpeg_segment(0xFE, b"") * (size // 4))


def jpeg_scan_restarts(size: int) -> bytes:
    """Restart markers and fill bytes inside the scan."""
    return drawn("JPEG")[:-2] + b"\xff\xd0" * (size // 4) + b"\xff" * (size // 2) + b"\xff\xd9"


def jpeg_with_scans(scans: int, width: int, height: int, refine: bool = False) -> bytes:
    """A progressive JPEG in grey, each of whose scans visits every block for a few bytes, by the longest runs of blocks without coefficients.

    With `refine` a scan also visits every coefficient; the decoder then says that the scans do not follow one another, but only at the end.
    """
    blocks = -(-width // 8) * -(-height // 8)
    frame = b"\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x01\x01\x11\0"
    # Each table has one code of one bit: a DC difference of no bits, and E0, a run of 2**14 blocks whose rest is given by 14 bits more.
    tables = jpeg_segment(0xDB, b"\0" + b"\1" * 64) + jpeg_segment(0xC4, b"\0\1" + b"\0" * 15 + b"\0" + b"\x10\1" + b"\0" * 15 + b"\xe0")
    first = jpeg_segment(0xDA, b"\1\1\0\0\0\0") + b"\0" * (-(-blocks // 8))
    runs = b"\0" * (-(-blocks // (1 << 14)) * 15 // 8 + 1)
    scan = jpeg_segment(0xDA, b"\1\1\0\1\x3f" + (b"\x10" if refine else b"\0")) + runs
    return b"\xff\xd8" + tables + jpeg_segment(0xC2, frame) + first + scan * scans + b"\xff\xd9"


def jpeg_many_scans(size: int) -> bytes:
    """64 megapixels, but for small sizes; a thousand scans for every megabyte of `size`."""
    return jpeg_with_scans(size * 1000 >> 20, _side(size), _side(size))


def jpeg_many_refinements(size: int) -> bytes:
    return jpeg_with_scans(size * 1000 >> 20, _side(size), _side(size), refine=True)


def jpeg_scans_of_one_block(size: int) -> bytes:
    return jpeg_with_scans(size // 11, 8, 8)


def jpeg_photoshop_blocks(size: int) -> bytes:
    """A harmless fault, for which Pillow decodes it, and Photoshop blocks, which Pillow reads in Python."""
    data = drawn("JPEG").replace(b"\x00\x3f\x00", b"\0\0\0")
    body = b"Photoshop 3.0\0" + (b"8BIM\x04\x04" + b"\0" * 6) * 5000
    return data[:2] + jpeg_segment(0xED, body) * (size // len(body)) + jpeg_segment(0xED, body[: size % len(body) // 12 * 12 + 2]) + data[2:]


def png_text(unpacked: int, damaged: bool = False) -> bytes:
    """A chunk whose text unpacks to so many bytes; a damaged one has its error at the end."""
    packed = zlib.compress(b"\0" * unpacked, 9)
    return png_chunk(b"zTXt", b"k\0\0" + (packed[:-1] + b"\0" if damaged else packed))


def png_text_bombs(size: int) -> bytes:
    """Each chunk unpacks to what Pillow allows one chunk."""
    chunk = png_text(TEXT_BYTES)
    return png_around(chunk * (size // len(chunk)))


def png_broken_text_bombs(size: int) -> bytes:
    """The same, with an error at the end of each text."""
    chunk = png_text(TEXT_BYTES, damaged=True)
    return png_around(chunk * (size // len(chunk)))


def png_empty_chunks(size: int) -> bytes:
    return png_around(png_chunk(b"tEXt", b"") * (size // 12))


def png_empty_data(size: int) -> bytes:
    """IDAT chunks without a byte."""
    return png_around(png_chunk(b"IDAT", b"") * (size // 12))


def png_flat_with_tail(size: int) -> bytes:
    """All black, 16 bits a channel, and many bytes after the end of the compressed pixels."""
    side = _side(size)
    header = side.to_bytes(4, "big") * 2 + b"\x10\x06\0\0\0"
    deflate = zlib.compressobj(1)
    rows = b"".join(deflate.compress(b"\0" * (1 + 8 * side)) for _ in range(side)) + deflate.flush()
    return SIGNATURE + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows + b"\0" * size) + png_chunk(b"IEND", b"")


def gif_empty_blocks(size: int) -> bytes:
    return gif_around(b"\x21\xfe\x00" * (size // 3))


def gif_small_sub_blocks(size: int) -> bytes:
    """One comment of one letter a sub-block."""
    return gif_around(b"\x21\xfe" + b"\x01a" * (size // 2) + b"\0")


def gif_long_comment(size: int) -> bytes:
    """One comment of as many letters as its sub-blocks hold."""
    return gif_around(b"\x21\xfe" + (b"\xff" + b"a" * 255) * (size // 256) + b"\0")


def gif_frames(size: int) -> bytes:
    """Images of one pixel without data."""
    data = drawn("GIF")
    return data[:-1] + (b"\x2c\0\0\0\0\1\0\1\0\0\x02\0") * (size // 12) + data[-1:]


def webp_empty_chunks(size: int) -> bytes:
    return webp_around(webp_chunk(b"JUNK", b"") * (size // 8))


def webp_empty_frames(size: int) -> bytes:
    return webp_around(webp_chunk(b"ANMF", b"") * (size // 8))


def bmp_line_ends(size: int) -> bytes:
    """Run-length encoded; the ends of lines lead nowhere."""
    return bmp_of_runs(4096, 4096, b"\0\0" * (size // 2))


def bmp_empty_line(size: int) -> bytes:
    """Pillow fills the rest of a line byte by byte."""
    return bmp_of_runs(SIDE * SIDE, 1, b"\1\0\0\0" + b"\0\1" * (size // 2))


def bmp_short_runs(size: int) -> bytes:
    return bmp_of_runs(SIDE, SIDE, b"\1\0" * (size // 2))


def bmp_of_runs(width: int, height: int, runs: bytes) -> bytes:
    """A BMP of run-length encoded pixels of 8 bits."""
    palette = b"".join(bytes([grey, grey, grey, 0]) for grey in range(256))
    offset = 14 + 40 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(runs), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", offset + len(runs), 0, 0, offset) + header + palette + runs


# Each generator, and the reason that refuses its picture of 33 MB (of 1 MB for the two of many scans); None where it is good and quick.
GENERATORS: dict[Callable[[int], bytes], str | None] = {
    jpeg_fill_bytes: "image.corrupt",
    jpeg_restart_markers: "image.corrupt",
    jpeg_empty_segments: "image.corrupt",
    jpeg_scan_restarts: None,
    jpeg_many_scans: "image.corrupt",
    jpeg_many_refinements: "image.corrupt",
    jpeg_scans_of_one_block: "image.corrupt",
    jpeg_photoshop_blocks: None,
    png_text_bombs: "image.metadata_bomb",
    png_broken_text_bombs: "image.metadata_bomb",
    png_empty_chunks: "image.corrupt",
    png_empty_data: "image.corrupt",
    png_flat_with_tail: None,
    gif_empty_blocks: "image.corrupt",
    gif_small_sub_blocks: "image.corrupt",
    gif_long_comment: None,
    gif_frames: "image.corrupt",
    webp_empty_chunks: "image.corrupt",
    webp_empty_frames: "image.corrupt",
    bmp_line_ends: "image.format_not_allowed",
    bmp_empty_line: "image.format_not_allowed",
    bmp_short_runs: "image.format_not_allowed",
}
