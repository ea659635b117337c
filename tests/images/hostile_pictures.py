"""Hostile pictures of any size: valid as far as their structure goes, and made to cost a reader far more than their bytes."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from functools import cache

from PIL import Image

from pipelines.images.files.png import SIGNATURE

WIDTH, HEIGHT = 8000, 8000  # the most pixels that the default limit allows
EMPTY_SCAN = 1000  # of the 64 MP in `jpeg_scans`


@cache
def drawn(kind: str, **options: bool) -> bytes:
    """An honest picture of 12 x 9 px."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize((12, 9)).convert("P" if kind == "GIF" else "RGB").save(file, kind, **options)
    return file.getvalue()


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + (len(body) + 2).to_bytes(2, "big") + body


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(body, zlib.crc32(kind)).to_bytes(4, "big")


def webp_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


def _jpeg(parts: bytes) -> bytes:
    """An honest JPEG with these bytes before its first segment."""
    data = drawn("JPEG")
    return data[:2] + parts + data[2:]


def _png(parts: bytes) -> bytes:
    """An honest PNG with these chunks after its header."""
    data = drawn("PNG")
    return data[:33] + parts + data[33:]


def _gif(parts: bytes) -> bytes:
    """An honest GIF with these blocks before its first image."""
    data = drawn("GIF")
    at = 13 + (3 << ((data[10] & 7) + 1))
    return data[:at] + parts + data[at:]


def _webp(parts: bytes) -> bytes:
    """An honest WebP with these chunks after its picture."""
    data = drawn("WEBP", lossless=True)
    picture = data[12:]
    body = b"WEBP" + webp_chunk(b"VP8X", b"\0\0\0\0" + (11).to_bytes(3, "little") + (8).to_bytes(3, "little")) + picture + parts
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def jpeg_fill_bytes(size: int) -> bytes:
    return _jpeg(b"\xff" * size)


def jpeg_restart_markers(size: int) -> bytes:
    return _jpeg(b"\xff\xd0" * (size // 2))


def jpeg_empty_segments(size: int) -> bytes:
    return _jpeg(jpeg_segment(0xFE, b"") * (size // 4))


def jpeg_scan_restarts(size: int) -> bytes:
    """Restart markers and fill bytes inside the scan."""
    return drawn("JPEG")[:-2] + b"\xff\xd0" * (size // 4) + b"\xff" * (size // 2) + b"\xff\xd9"


def jpeg_scans(scans: int, sof: int = 0xC2, width: int = WIDTH, height: int = HEIGHT, components: int = 1) -> bytes:
    """A progressive JPEG, each of whose scans after the first visits every block for a few bytes, by the longest runs of end-of-block."""
    names = range(1, components + 1)
    frame = b"\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + bytes([components]) + b"".join(bytes([name, 0x11, 0]) for name in names)
    table = jpeg_segment(0xDB, b"\0" + b"\1" * 64)
    # One code of one bit: DC differences of no bits; AC symbol E0 is a run of 2**14 + 14 more bits of blocks without coefficients.
    huffman = jpeg_segment(0xC4, b"\x00\x01" + b"\0" * 15 + b"\x00" + b"\x10\x01" + b"\0" * 15 + b"\xe0")
    blocks = -(-width // 8) * -(-height // 8)
    head = b"\xff\xd8" + table + jpeg_segment(sof, frame) + huffman
    first = jpeg_segment(0xDA, bytes([components]) + b"".join(bytes([name, 0]) for name in names) + b"\0\0\0") + b"\0" * (-(-blocks * components // 8))
    runs = -(-blocks // (1 << 14))
    bits = "0" + "0" * 14
    stream = (bits * runs).ljust(-(-len(bits * runs) // 8) * 8, "1")
    data = int(stream, 2).to_bytes(len(stream) // 8, "big").replace(b"\xff", b"\xff\0")
    return head + first + (jpeg_segment(0xDA, b"\x01\x01\x00\x01\x3f\x00") + data) * scans + b"\xff\xd9"


def png_text_bombs(size: int) -> bytes:
    """Each chunk unpacks to a little less than what Pillow allows one chunk."""
    chunk = png_chunk(b"zTXt", b"k\0\0" + zlib.compress(b"\0" * ((1 << 20) - 1), 9))
    return _png(chunk * (size // len(chunk)))


def png_broken_text_bombs(size: int) -> bytes:
    """The same, with an error at the end of each stream."""
    chunk = png_chunk(b"zTXt", b"k\0\0" + zlib.compress(b"\0" * ((1 << 20) - 1), 9)[:-1] + b"\0")
    return _png(chunk * (size // len(chunk)))


def png_empty_chunks(size: int) -> bytes:
    return _png(png_chunk(b"tEXt", b"") * (size // 12))


def png_empty_data(size: int) -> bytes:
    """IDAT chunks without a byte."""
    return _png(png_chunk(b"IDAT", b"") * (size // 12))


def png_flat_with_tail(size: int) -> bytes:
    """16 bits a channel, all black, and bytes after the end of the stream."""
    rows = zlib.compress(b"\0" * ((1 + WIDTH * 8) * HEIGHT), 9)
    header = WIDTH.to_bytes(4, "big") + HEIGHT.to_bytes(4, "big") + b"\x10\x06\0\0\0"
    return SIGNATURE + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows + b"\0" * size) + png_chunk(b"IEND", b"")


def gif_empty_blocks(size: int) -> bytes:
    return _gif(b"\x21\xfe\x00" * (size // 3))


def gif_small_sub_blocks(size: int) -> bytes:
    """One comment of one letter a sub-block."""
    return _gif(b"\x21\xfe" + b"\x01a" * (size // 2) + b"\0")


def gif_long_comment(size: int) -> bytes:
    """Pillow puts a comment together in quadratic time."""
    return _gif(b"\x21\xfe" + (b"\xff" + b"a" * 255) * (size // 256) + b"\0")


def gif_frames(size: int) -> bytes:
    """Images of one pixel without data."""
    data = drawn("GIF")
    return data[:-1] + (b"\x2c\0\0\0\0\1\0\1\0\0\x02\0") * (size // 12) + data[-1:]


def webp_empty_chunks(size: int) -> bytes:
    return _webp(webp_chunk(b"JUNK", b"") * (size // 8))


def webp_empty_frames(size: int) -> bytes:
    return _webp(webp_chunk(b"ANMF", b"") * (size // 8))


def bmp_line_ends(size: int) -> bytes:
    """Run-length encoded; the ends of lines lead nowhere."""
    return _bmp_rle(4096, 4096, b"\0\0" * (size // 2))


def bmp_empty_line(size: int) -> bytes:
    """Pillow fills the rest of a line byte by byte."""
    return _bmp_rle(WIDTH * HEIGHT, 1, b"\1\0\0\0" + b"\0\1" * (size // 2))


def bmp_short_runs(size: int) -> bytes:
    return _bmp_rle(WIDTH, HEIGHT, b"\1\0" * (size // 2))


def _bmp_rle(width: int, height: int, rle: bytes) -> bytes:
    palette = b"".join(bytes([i, i, i, 0]) for i in range(256))
    numbers = (40, width, height)
    info = (
        b"".join(n.to_bytes(4, "little") for n in numbers)
        + b"\1\0\x08\0\1\0\0\0"
        + len(rle).to_bytes(4, "little")
        + b"\0" * 8
        + (256).to_bytes(4, "little")
        + b"\0" * 4
    )
    offset = 14 + 40 + len(palette)
    return b"BM" + (offset + len(rle)).to_bytes(4, "little") + b"\0" * 4 + offset.to_bytes(4, "little") + info + palette + rle


def jpeg_many_scans(size: int) -> bytes:
    """64 MP, a scan every 940 bytes: 1,000 scans in a megabyte."""
    return jpeg_scans(size // 940)


def jpeg_small_scans(size: int) -> bytes:
    return jpeg_scans(size // 12, width=8, height=8)


def jpeg_late_photoshop(size: int) -> bytes:
    """Harmless bytes before a marker, which sends it to Pillow, and Photoshop blocks, which Pillow reads in Python."""
    body = b"Photoshop 3.0\0" + (b"8BIM\x04\x04\0\0\0\0\0\0") * 5000
    data = drawn("JPEG")
    return data[:2] + jpeg_segment(0xED, body) * (size // len(body)) + data[2:-2] + b"\0\0" + data[-2:]


GENERATORS: dict[str, Callable[[int], bytes]] = {
    make.__name__: make
    for make in (
        jpeg_fill_bytes,
        jpeg_restart_markers,
        jpeg_empty_segments,
        jpeg_scan_restarts,
        jpeg_many_scans,
        jpeg_small_scans,
        jpeg_late_photoshop,
        png_text_bombs,
        png_broken_text_bombs,
        png_empty_chunks,
        png_empty_data,
        png_flat_with_tail,
        gif_empty_blocks,
        gif_small_sub_blocks,
        gif_long_comment,
        gif_frames,
        webp_empty_chunks,
        webp_empty_frames,
        bmp_line_ends,
        bmp_empty_line,
        bmp_short_runs,
    )
}
