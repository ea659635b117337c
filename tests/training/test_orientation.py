"""A picture is turned by one rule: the size that slices are planned with is the size of the pixels that are trained on."""

import io
import struct
import zlib

import pytest
from PIL import Image, ImageOps

from pipelines.images.files.formats import check
from pipelines.training.orientation import turn_of, turned_upright

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"><rdf:Description tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
KINDS = ["JPEG", "PNG", "WEBP"]


def block(kind: int = 3, count: int = 1, value: int = 6) -> bytes:
    """An EXIF block with the orientation as this type of number, this often."""
    return b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIHH", 1, 0x0112, kind, count, value, 0) + bytes(4)


def picture_file(form: str, **more: object) -> bytes:
    out = io.BytesIO()
    drawn = Image.new("RGB", (40, 20), "red")
    drawn.paste("blue", (0, 0, 20, 10))
    drawn.save(out, form, **more)
    return out.getvalue()


def sizes(data: bytes) -> tuple[tuple[int, int], tuple[int, int]]:
    """(size that slices are planned with, size of the pixels)."""
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return tuple(check(data, "decode", 10_000)[1]), turned_upright(picture).size


@pytest.mark.parametrize("form", KINDS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_pixels_as_pillow_does(form: str, orientation: int):
    data = picture_file(form, exif=block(value=orientation))
    planned, made = sizes(data)
    assert planned == made == ((20, 40) if orientation > 4 else (40, 20))
    with Image.open(io.BytesIO(data)) as picture:
        assert turned_upright(picture).convert("RGB").tobytes() == ImageOps.exif_transpose(picture).convert("RGB").tobytes()


@pytest.mark.parametrize("form", KINDS)
@pytest.mark.parametrize(
    "more", [{"xmp": XMP}, {"exif": block(kind=1)}, {"exif": block(kind=7)}, {"exif": block(count=0)}, {"exif": block(count=2)}, {"exif": block(value=9)}, {}]
)
def test_nothing_else_turns_a_picture(form: str, more: dict[str, object]):
    data = picture_file(form, **more)
    assert sizes(data) == ((40, 20), (40, 20))
    with Image.open(io.BytesIO(data)) as picture:
        assert turn_of(picture) == 1


def test_of_two_exif_chunks_in_a_png_the_last_counts():
    def chunk(body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + b"eXIf" + body + struct.pack(">I", zlib.crc32(b"eXIf" + body))

    data = picture_file("PNG")
    first, second = block(value=1).removeprefix(b"Exif\0\0"), block(value=6).removeprefix(b"Exif\0\0")
    assert sizes(data[:33] + chunk(first) + chunk(second) + data[33:]) == ((20, 40), (20, 40))
