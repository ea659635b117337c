"""The edges of each container: what just passes a level, and what just does not. Every file here is built byte by byte."""

from __future__ import annotations

import io
import zlib

import pytest
from PIL import Image

from pipelines.images.verify import inspect
from pipelines.reasons import Reject

MOST = 1 << 24
# The pass of each pixel of an 8x8 block of an interlaced PNG, as the standard draws it.
ADAM7 = ("16462646", "77777777", "56565656", "77777777", "36463646", "77777777", "56565656", "77777777")


def said(data: bytes, level: str = "decode", most: int = MOST) -> tuple[str, int, int] | str:
    """(format, width, height), or the code of the reason."""
    try:
        kind, size = inspect(data, level, most)
    except Reject as reject:
        return reject.findings[0].code
    return kind, size.width, size.height


def saved(kind: str, width: int, height: int, **more: object) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("P" if kind == "GIF" else "RGB").save(file, kind, **more)
    return file.getvalue()


def chunk(kind: bytes, body: bytes, harm: int = 0) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + (zlib.crc32(kind + body) ^ harm).to_bytes(4, "big")


def png(width: int, height: int, rows: bytes, head: bytes = b"\x08\0\0\0\0", more: tuple[bytes, ...] = (), harm: int = 0) -> bytes:
    """`head` is depth, colour type, compression, filtering and interlace."""
    header = chunk(b"IHDR", width.to_bytes(4, "big") + height.to_bytes(4, "big") + head, harm)
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PALETTE = (chunk(b"PLTE", bytes(768)),)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
@pytest.mark.parametrize(("width", "height"), [(300, 20), (20, 300), (1, 1), (1025, 3)])
def test_width_and_height_are_told_apart(kind: str, width: int, height: int):
    assert said(saved(kind, width, height)) == (kind, width, height)


@pytest.mark.parametrize(("width", "height"), [(300, 20), (20, 300), (16000, 1), (1, 9000)])
def test_the_size_of_a_lossless_webp_is_read_to_its_last_bit(width: int, height: int):
    assert said(saved("WEBP", width, height, lossless=True), "header") == ("WEBP", width, height)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_a_picture_may_have_as_many_pixels_as_the_limit_says(kind: str):
    data = saved(kind, 12, 9)
    assert said(data, most=108) == (kind, 12, 9)
    assert said(data, most=107) == "image.pixel_limit"


@pytest.mark.parametrize(("width", "height"), [(0, 3), (3, 0), (0, 0)])
def test_a_picture_without_width_or_height_is_refused(width: int, height: int):
    assert said(png(width, height, b"\0\0\0\0"), "header") == "image.zero_size"


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize(("orientation", "turned"), [(0, False), (1, False), (4, False), (5, True), (6, True), (7, True), (8, True), (9, False)])
def test_orientations_5_to_8_swap_the_sides(order: str, orientation: int, turned: bool):
    def number(value: int, length: int) -> bytes:
        return value.to_bytes(length, order)

    def entry(tag: int, value: int) -> bytes:
        return number(tag, 2) + number(3, 2) + number(1, 4) + number(value, 2) + b"\0\0"

    mark = b"MM" if order == "big" else b"II"
    exif = mark + number(42, 2) + number(8, 4) + number(2, 2) + entry(0x0103, 6) + entry(0x0112, orientation)
    wanted = (9, 12) if turned else (12, 9)
    assert said(saved("JPEG", 12, 9, exif=b"Exif\0\0" + exif)) == ("JPEG", *wanted)
    assert said(png(12, 9, bytes(13 * 9), more=(chunk(b"eXIf", exif),))) == ("PNG", *wanted)


# Colour type -> channels, and the depths that it may have.
COLOURS = {0: (1, (1, 2, 4, 8, 16)), 2: (3, (8, 16)), 3: (1, (1, 2, 4, 8)), 4: (2, (8, 16)), 6: (4, (8, 16))}


@pytest.mark.parametrize("colour", range(8))
@pytest.mark.parametrize("depth", [0, 1, 2, 3, 4, 8, 16, 32])
def test_a_png_has_exactly_the_rows_of_its_header(colour: int, depth: int):
    channels, depths = COLOURS.get(colour, (1, ()))
    head = bytes([depth, colour, 0, 0, 0])
    rows = bytes(3 * (1 + -(-5 * depth * channels // 8)))
    if depth not in depths:
        assert said(png(5, 3, rows, head, PALETTE)) == "image.corrupt"
        return
    assert said(png(5, 3, rows, head, PALETTE)) == ("PNG", 5, 3)
    assert said(png(5, 3, rows[:-1], head, PALETTE)) == "image.short_data"


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 1), (4, 4), (5, 1), (1, 5), (8, 8), (9, 3), (3, 9), (17, 18)])
def test_an_interlaced_png_has_exactly_the_rows_of_its_seven_passes(width: int, height: int):
    lengths = []
    for step in "1234567":
        columns = [sum(ADAM7[y % 8][x % 8] == step for x in range(width)) for y in range(height)]
        lengths += [1 + count for count in columns if count]
    data = bytes(sum(lengths))
    assert said(png(width, height, data, b"\x08\0\0\0\1")) == ("PNG", width, height)
    assert said(png(width, height, data[:-1], b"\x08\0\0\0\1")) == "image.short_data"


@pytest.mark.parametrize("row", [0, 1, 2])
@pytest.mark.parametrize("kind", range(6))
def test_a_row_has_one_of_five_filters(row: int, kind: int):
    rows = bytearray(3 * 5)
    rows[row * 5] = kind
    rows[row * 5 + 1] = 255  # a pixel may have any value
    assert said(png(4, 3, bytes(rows))) == (("PNG", 4, 3) if kind <= 4 else "image.corrupt")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (png(3, 4, bytes(16), b"\x08\3\0\0\0"), "image.corrupt"),  # colours without a palette
        (png(3, 4, bytes(16), b"\x08\0\1\0\0"), "image.corrupt"),  # an unknown compression
        (png(3, 4, bytes(16), b"\x08\0\0\1\0"), "image.corrupt"),  # an unknown filtering
        (png(3, 4, bytes(16), b"\x08\0\0\0\2"), "image.corrupt"),  # an unknown interlacing
        (png(3, 4, bytes(16), harm=1), "image.corrupt"),  # the header's checksum
        (png(3, 4, bytes(16), more=(chunk(b"tEXt", b"a\0b", harm=1),)), "image.corrupt"),  # another chunk's checksum
        (png(3, 4, bytes(16), more=(chunk(b"t3Xt", b""),)), "image.corrupt"),  # a name that no chunk may have
        (png(3, 4, bytes(16)).replace(b"IHDR", b"IHDr"), "image.corrupt"),
        (png(3, 4, bytes(16))[:-1], "image.truncated"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"\0\0\0\3\0\0\0\4\x08\0\0\0\0") + chunk(b"IEND", b""), "image.corrupt"),  # no pixels
    ],
)
def test_a_png_that_breaks_a_rule_of_its_container_is_refused(data: bytes, code: str):
    assert said(data, "structure") == code


def test_bytes_after_the_end_of_a_png_are_ignored():
    assert said(png(3, 4, bytes(16)) + b"more") == ("PNG", 3, 4)


@pytest.mark.parametrize(
    "made",
    [
        lambda text: chunk(b"zTXt", b"key\0\0" + zlib.compress(text)),
        lambda text: chunk(b"iCCP", b"name\0\0" + zlib.compress(text)),
        lambda text: chunk(b"iTXt", b"key\0\1\0en\0key\0" + zlib.compress(text)),
    ],
    ids=["zTXt", "iCCP", "iTXt"],
)
def test_text_in_a_png_unpacks_to_at_most_a_mebibyte(made):
    assert said(png(3, 4, bytes(16), more=(made(bytes(1 << 20)),)), "structure") == ("PNG", 3, 4)
    assert said(png(3, 4, bytes(16), more=(made(bytes((1 << 20) + 1)),)), "structure") == "image.metadata_bomb"


def test_uncompressed_text_does_not_count_as_unpacked():
    long = chunk(b"iTXt", b"key\0\0\0en\0key\0" + zlib.compress(bytes(1 << 21)))
    assert said(png(3, 4, bytes(16), more=(long,)), "structure") == ("PNG", 3, 4)


def gif(left: int, top: int, width: int, height: int, flags: int = 0, colours: int = 0, screen: int = 0) -> bytes:
    """A screen of 4x3 px, then one image with its colours; its pixels are no LZW stream."""
    head = b"GIF89a" + (4).to_bytes(2, "little") + (3).to_bytes(2, "little") + bytes([screen, 0, 0]) + (bytes(3 * 2 ** ((screen & 7) + 1)) if screen else b"")
    place = b"".join(number.to_bytes(2, "little") for number in (left, top, width, height))
    return head + b"\x2c" + place + bytes([flags]) + bytes(3 * colours) + b"\x08\x01\x00\x00\x3b"


@pytest.mark.parametrize(
    ("place", "fits"),
    [
        ((0, 0, 4, 3), True),
        ((1, 1, 3, 2), True),
        ((3, 2, 1, 1), True),
        ((1, 0, 4, 3), False),
        ((0, 1, 4, 3), False),
        ((0, 0, 0, 3), False),
        ((0, 0, 4, 0), False),
    ],
)
def test_an_image_of_a_gif_lies_inside_its_screen(place: tuple[int, int, int, int], fits: bool):
    assert said(gif(*place), "structure") == (("GIF", 4, 3) if fits else "image.corrupt")


@pytest.mark.parametrize(("flags", "colours"), [(0x80, 2), (0x81, 4), (0x87, 256), (0x07, 0)])
def test_the_flags_of_a_gif_give_the_number_of_its_colours(flags: int, colours: int):
    assert said(gif(0, 0, 4, 3, flags, colours), "structure") == ("GIF", 4, 3)
    assert said(gif(0, 0, 4, 3, screen=flags if colours else 0), "structure") == ("GIF", 4, 3)


@pytest.mark.parametrize(
    ("blocks", "code"),
    [
        (b"\x3b", "image.corrupt"),  # no image
        (b"\x21\xfe\x02hi\x00\x3b", "image.corrupt"),  # a comment alone
        (b"\x22\xfe\x00\x3b", "image.corrupt"),  # no known block
        (gif(0, 0, 4, 3)[13:-1], "image.truncated"),  # no trailer
        (b"\x21\xfe\x02hi\x00" + gif(0, 0, 4, 3)[13:], None),
    ],
)
def test_a_gif_needs_an_image_and_may_have_only_known_blocks(blocks: bytes, code: str | None):
    assert said(b"GIF89a\x04\0\x03\0\0\0\0" + blocks, "structure") == (code or ("GIF", 4, 3))


def bmp(bits: int, body: int, compression: int = 0, height: int = 3) -> bytes:
    """Five pixels wide; `body` bytes of rows."""
    header = (40).to_bytes(4, "little") + (5).to_bytes(4, "little") + height.to_bytes(4, "little", signed=True)
    header += (1).to_bytes(2, "little") + bits.to_bytes(2, "little") + compression.to_bytes(4, "little") + bytes(20)
    return b"BM" + (54 + body).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little") + header + bytes(body)


@pytest.mark.parametrize("height", [3, -3])
@pytest.mark.parametrize(("bits", "row"), [(1, 4), (2, 4), (4, 4), (8, 8), (16, 12), (24, 16), (32, 20)])
def test_a_bmp_needs_all_its_rows_padded_to_four_bytes(bits: int, row: int, height: int):
    assert said(bmp(bits, row * 3, height=height), "structure") == ("BMP", 5, 3)
    assert said(bmp(bits, row * 3 - 1, height=height), "structure") == "image.truncated"


@pytest.mark.parametrize(("bits", "compression", "passes"), [(8, 1, True), (4, 2, True), (24, 6, True), (24, 7, False), (3, 0, False), (0, 0, False)])
def test_a_bmp_has_known_depths_and_compressions(bits: int, compression: int, passes: bool):
    assert said(bmp(bits, 100, compression), "structure") == (("BMP", 5, 3) if passes else "image.corrupt")


@pytest.mark.parametrize("compression", [3, 6])
def test_a_bmp_with_masks_is_not_compressed(compression: int):
    assert said(bmp(32, 59, compression), "structure") == "image.truncated"


def test_a_bmp_of_the_first_kind_has_short_numbers():
    header = (12).to_bytes(4, "little") + b"\x05\0\x03\0\x01\0\x18\0"
    data = b"BM" + bytes(8) + (26).to_bytes(4, "little") + header
    assert said(data + bytes(48), "structure") == ("BMP", 5, 3)
    assert said(data + bytes(47), "structure") == "image.truncated"


@pytest.mark.parametrize("length", [12, 16, 40, 52, 56, 64, 108, 124, 11, 39, 41, 125])
def test_a_bmp_is_recognized_by_a_valid_header_length(length: int):
    known = length in (12, 16, 40, 52, 56, 64, 108, 124)
    found = said(b"BM" + bytes(12) + length.to_bytes(4, "little") + bytes(30), "header")
    assert (found == "image.not_image") != known


def webp(*chunks: tuple[bytes, bytes], promised: int = 0) -> bytes:
    body = b"".join(kind + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2) for kind, data in chunks)
    return b"RIFF" + (4 + len(body) + promised).to_bytes(4, "little") + b"WEBP" + body


EXTENDED = (b"VP8X", b"\0\0\0\0" + (299).to_bytes(3, "little") + (19).to_bytes(3, "little"))
LOSSLESS = (b"VP8L", b"\x2f" + (299 | 19 << 14).to_bytes(4, "little"))
LOSSY = (b"VP8 ", b"\0\0\0\x9d\x01\x2a" + (300 | 1 << 14).to_bytes(2, "little") + (20 | 2 << 14).to_bytes(2, "little"))


@pytest.mark.parametrize("chunks", [(EXTENDED, LOSSLESS), (LOSSLESS,), (LOSSY,), (EXTENDED, (b"ICCP", b"odd"), LOSSY), (EXTENDED, (b"ANMF", b"x"))])
def test_a_webp_of_each_kind_has_its_size(chunks):
    assert said(webp(*chunks), "structure") == ("WEBP", 300, 20)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (webp(EXTENDED), "image.corrupt"),  # no picture
        (webp(LOSSY, promised=1), "image.truncated"),
        (webp((b"VP8L", b"\x2e" + LOSSLESS[1][1:])), "image.corrupt"),
        (webp((b"VP8 ", LOSSY[1].replace(b"\x9d", b"\x9c"))), "image.corrupt"),
        (webp((b"JUNK", b"12")), "image.corrupt"),
    ],
)
def test_a_webp_that_breaks_a_rule_of_its_container_is_refused(data: bytes, code: str):
    assert said(data, "structure") == code


def test_bytes_after_the_end_of_a_webp_are_ignored():
    assert said(webp(LOSSY) + b"VP8 more", "structure") == ("WEBP", 300, 20)


def jpeg(*segments: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(segments) + b"\xff\xd9"


FRAME = b"\xff\xc0\x00\x0b\x08\x00\x14\x01\x2c\x01\x01\x11\x00"  # 300x20 px, one component
SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x12\xff\x00\xff\xd0\x34"  # a stuffed byte and a restart marker in it


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (jpeg(FRAME, SCAN), None),
        (jpeg(b"\xff\xff\xff" + FRAME[1:], SCAN), None),  # fill bytes before a marker
        (jpeg(b"\xff\x01", b"\xff\xd7", FRAME, SCAN), None),  # markers without a length
        (jpeg(b"\xff\xe0\x00\x02", FRAME, SCAN), None),  # an empty segment
        (jpeg(b"\xff\xe0\x00\x01", FRAME, SCAN), "image.corrupt"),  # a length that does not hold itself
        (jpeg(FRAME), "image.corrupt"),  # no scan
        (jpeg(SCAN), "image.truncated"),  # no frame
        (jpeg(b"\xff\xc4" + FRAME[2:], SCAN), "image.truncated"),  # a table of codes is no frame
        (jpeg(b"\xff\xc0\x00\x07\x08\x00\x14\x01\x2c", SCAN), "image.corrupt"),  # a frame without its components
        (jpeg(b"\x00", FRAME, SCAN), "image.not_image"),
        (jpeg(FRAME, b"\x00", SCAN), "image.corrupt"),
        (jpeg(FRAME, SCAN)[:-2], "image.truncated"),
    ],
)
def test_a_jpeg_needs_a_frame_and_a_scan(data: bytes, code: str | None):
    assert said(data, "structure") == (code or ("JPEG", 300, 20))


@pytest.mark.parametrize(
    "head",
    [
        *(b"%PDF-1.7", b"8BPS", b"II*\x00", b"MM\x00*", b"\x00\x00\x01\x00", b"\x00\x00\x00\x0cjP  ", b"<svg>", b"<?xml ?>"),
        *(b"\xef\xbb\xbf <svg>", b"\n\t<svg>", b"\0\0\0\x20ftypavif"),
    ],
)
def test_other_formats_are_named_in_the_refusal(head: bytes):
    assert said(head + bytes(30)) == "image.format_not_allowed"


@pytest.mark.parametrize("head", [b"BM only text", b"RIFF\0\0\0\0WAVE", b"RIFX\0\0\0\0WEBP", b"GIF88a", b"\x89PNG\n", b"\0\0\0ftypheic", b"hello"])
def test_what_only_resembles_a_picture_is_refused(head: bytes):
    assert said(head + bytes(30)) == "image.not_image"
