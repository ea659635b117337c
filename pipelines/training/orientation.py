"""How a picture is turned: by the EXIF orientation alone, the same rule where slices are planned and where pixels are made.

Pillow's `exif_transpose` also follows XMP and other profiles, which a viewer may or may not do.
"""

from __future__ import annotations

import struct

from PIL import Image

_TAG, _SHORT = 0x0112, 3
_MOST_ENTRIES = 1024
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation_of(exif: bytes) -> int:
    """Tag 0x0112 of the first directory of a TIFF block, 1 to 8; 1 if there is none, if it is not one SHORT, or if the block is damaged.

    >>> orientation_of(b"Exif\\0\\0MM\\0*\\0\\0\\0\\x08\\0\\x01\\x01\\x12\\0\\x03\\0\\0\\0\\x01\\0\\x06\\0\\0")
    6
    """
    block = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    try:
        if order is None:
            return 1
        (start,) = struct.unpack_from(order + "I", block, 4)
        (entries,) = struct.unpack_from(order + "H", block, start)
        for i in range(min(entries, _MOST_ENTRIES)):
            tag, kind, count, value = struct.unpack_from(order + "HHIH", block, start + 2 + 12 * i)
            if tag == _TAG:
                return value if kind == _SHORT and count == 1 and 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def turn_of(picture: Image.Image) -> int:
    """The orientation of an opened picture."""
    exif = picture.info.get("exif")
    return orientation_of(exif) if isinstance(exif, bytes) else 1


def turned_upright(picture: Image.Image) -> Image.Image:
    """The picture as a viewer shows it."""
    turn = _TURNS.get(turn_of(picture))
    return picture if turn is None else picture.transpose(turn)
