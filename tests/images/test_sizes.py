"""The size of a picture: as a viewer shows it, above zero, and within the limit."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from pipelines.images.files.formats import FORMATS, LEVELS, check
from pipelines.images.files.png import SIGNATURE
from pipelines.reasons import Reject
from pipelines.records import Size
from tests.images.hostile_pictures import drawn, png_chunk, webp_chunk

LIMIT = 200


def turned_picture(kind: str, orientation: int, **options: bool) -> bytes:
    """A picture of 12 x 9 px, and how a camera was held."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.linear_gradient("L").resize((12, 9)).convert("RGB").save(file, kind, exif=exif, **options)
    return file.getvalue()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind, options", [("PNG", {}), ("JPEG", {}), ("WEBP", {}), ("WEBP", {"lossless": True})])
@pytest.mark.parametrize(
    ("orientation", "size"),
    [(1, (12, 9)), (2, (12, 9)), (3, (12, 9)), (4, (12, 9)), (5, (9, 12)), (6, (9, 12)), (7, (9, 12)), (8, (9, 12)), (9, (12, 9)), (0, (12, 9))],
)
def test_orientations_of_a_quarter_turn_swap_width_and_height(kind: str, options: dict[str, bool], orientation: int, size: tuple[int, int], level: str):
    assert check(turned_picture(kind, orientation, **options), level, LIMIT) == (kind, Size(*size))


def test_the_first_orientation_of_a_webp_counts_wherever_its_chunk_is():
    data = turned_picture("WEBP", 6)
    assert check(data, "header", LIMIT)[1] == Size(9, 12)
    upright = data[data.index(b"EXIF") :].replace(b"\x06", b"\x01")
    assert check(_riff(data[12:] + upright), "header", LIMIT)[1] == Size(9, 12)
    assert check(_riff(data[12:30] + upright + data[30:]), "header", LIMIT)[1] == Size(12, 9)


def test_a_webp_that_ends_before_its_orientation_has_its_stored_size():
    data = turned_picture("WEBP", 6)
    assert check(data[:-4], "header", LIMIT)[1] == Size(12, 9)


def _riff(chunks: bytes) -> bytes:
    return b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"WEBP" + chunks


def png_sized(width: int, height: int) -> bytes:
    data = drawn("PNG")
    return SIGNATURE + png_chunk(b"IHDR", width.to_bytes(4, "big") + height.to_bytes(4, "big") + data[24:29]) + data[33:]


def jpeg_sized(width: int, height: int) -> bytes:
    data = drawn("JPEG")
    return data.replace(b"\x08\0\x09\0\x0c\x03", b"\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x03")


def gif_sized(width: int, height: int) -> bytes:
    data = drawn("GIF")
    return data[:6] + width.to_bytes(2, "little") + height.to_bytes(2, "little") + data[10:]


def webp_sized(width: int, height: int) -> bytes:
    return _riff(webp_chunk(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + width.to_bytes(2, "little") + height.to_bytes(2, "little")))


def bmp_sized(width: int, height: int) -> bytes:
    data = drawn("BMP")
    return data[:18] + width.to_bytes(4, "little", signed=True) + height.to_bytes(4, "little", signed=True) + data[26:]


SIZED = {"PNG": png_sized, "JPEG": jpeg_sized, "GIF": gif_sized, "WEBP": webp_sized, "BMP": bmp_sized}


def found(make: Callable[[int, int], bytes], width: int, height: int) -> Size | tuple[str, str]:
    try:
        return check(make(width, height), "header", LIMIT)[1]
    except Reject as reject:
        return reject.findings[0].code, reject.findings[0].detail


def test_every_format_is_tried():
    assert SIZED.keys() == FORMATS.keys()


@pytest.mark.parametrize("make", SIZED.values(), ids=SIZED)
def test_the_pixel_limit_uses_both_width_and_height(make: Callable[[int, int], bytes]):
    assert found(make, 12, 9) == Size(12, 9)
    assert found(make, 200, 1) == Size(200, 1)
    assert found(make, 1, 200) == Size(1, 200)
    assert found(make, 20, 10) == Size(20, 10)
    assert found(make, 201, 1) == ("image.pixel_limit", "201x1 px, images.max_pixels is 200")
    assert found(make, 1, 201) == ("image.pixel_limit", "1x201 px, images.max_pixels is 200")
    assert found(make, 3, 67) == ("image.pixel_limit", "3x67 px, images.max_pixels is 200")


@pytest.mark.parametrize("make", SIZED.values(), ids=SIZED)
def test_a_width_or_height_of_zero_is_refused(make: Callable[[int, int], bytes]):
    assert found(make, 0, 9) == ("image.zero_size", "0x9 px")
    assert found(make, 12, 0) == ("image.zero_size", "12x0 px")
    assert found(make, 0, 0) == ("image.zero_size", "0x0 px")


@pytest.mark.parametrize(("width", "height"), [(2**31 - 1, 1), (1, 2**31 - 1), (2**32 - 1, 2**32 - 1)])
def test_the_size_in_a_png_header_is_checked_against_the_limit(width: int, height: int):
    assert found(png_sized, width, height) == ("image.pixel_limit", f"{width}x{height} px, images.max_pixels is 200")


def test_a_bmp_from_the_top_down_has_a_positive_height():
    assert found(bmp_sized, 12, -9) == Size(12, 9)
    assert found(bmp_sized, -12, 9)[0] == "image.zero_size"
