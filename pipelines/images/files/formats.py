"""The five image formats that are read here: one file per container. A container's module offers

    read_size(data, limit)      the size in px after EXIF turning, from the header alone
    check_structure(data)       every part of the container is whole and in its place
    check_pixels(data)          the compressed pixels can all be decoded

each raises Reject with what is wrong; `data` is the whole file. What the header promises is believed only up to the pixel limit, and
the number of parts is bounded, so that the time is linear in the bytes. Call `check` where a limit of time and memory holds (decoder.py).
"""

from __future__ import annotations

from types import ModuleType

from pipelines.images.files import bmp, gif, jpeg, png, webp
from pipelines.reasons import Reason, Reject
from pipelines.records import Size

FORMATS: dict[str, ModuleType] = {"PNG": png, "JPEG": jpeg, "GIF": gif, "WEBP": webp, "BMP": bmp}

LEVELS = ("header", "structure", "decode")  # each includes the ones before

_OTHERS = (
    (b"%PDF", "a PDF"),
    (b"8BPS", "a PSD"),
    (b"II*\x00", "a TIFF"),
    (b"MM\x00*", "a TIFF"),
    (b"\x00\x00\x01\x00", "an ICO"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000"),
    (b"<svg", "an SVG"),
    (b"<?xml", "XML"),
)


def check(data: bytes, level: str, max_pixels: int) -> tuple[str, Size]:
    """(format as Pillow names it, size in px after EXIF turning) of a file that passes this level. Raises Reject with what is wrong."""
    kind = format_of(data)
    module = FORMATS[kind]
    size: Size = module.read_size(data, max_pixels)
    if level != "header":
        module.check_structure(data)
    if level == "decode":
        module.check_pixels(data)
    return kind, size


def format_of(data: bytes) -> str:
    """The format by the file's first bytes, whatever its name says. Raises Reject."""
    if not data:
        raise Reject(Reason.IMAGE_EMPTY.at("", "0 bytes"))
    for name, module in FORMATS.items():
        if module.is_one(data):
            return name
    for magic, kind in _OTHERS:
        if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(magic):
            raise Reject(Reason.IMAGE_FORMAT_NOT_ALLOWED.at("", f"it is {kind}"))
    if data[4:8] == b"ftyp":
        raise Reject(Reason.IMAGE_FORMAT_NOT_ALLOWED.at("", f"it is of kind {data[8:12].decode('latin-1')} (HEIC, AVIF or a film)"))
    raise Reject(Reason.IMAGE_NOT_IMAGE.at("", f"it begins with {data[:12].hex(' ')}"))
