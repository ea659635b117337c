"""The screen on which an episode begins, and its difference hash: 64 bits that hardly change if the picture is scaled, packed again or touched up."""

from __future__ import annotations

import io
import re

import numpy as np
from PIL import Image

from pipelines.records import Draft

COLUMNS, ROWS = 9, 8
_NUMBER = re.compile(r"\d{1,18}")


def first_screen(draft: Draft) -> str | None:
    """The key of the draft's first picture; None if it has no picture or its `step_id` says that it is a later step (2 or more)."""
    number = _NUMBER.search(draft.step_id or "")
    return draft.refs[0].key if draft.refs and (number is None or int(number[0]) < 2) else None


def difference_hash(data: bytes) -> int | None:
    """The hash of a picture as a signed number of 64 bits, the highest for the upper left; None if Pillow cannot decode it.

    The picture is scaled to 9x8 grey cells; a bit says whether a cell is darker than its right neighbour.
    Source: N. Krawetz, "Kind of Like That" (hackerfactor.com, 2013), dHash. Call it where a limit of time and memory holds (decoder.py).
    """
    try:
        Image.MAX_IMAGE_PIXELS = None  # the limit was checked against the header before
        with Image.open(io.BytesIO(data)) as image:
            image.draft("L", (8 * COLUMNS, 8 * ROWS))  # JPEG alone can be decoded smaller
            cells = np.asarray(_opaque(image).convert("L").resize((COLUMNS, ROWS), Image.Resampling.BOX), dtype=np.int16)
    except Exception:  # a picture that passed every check and that Pillow refuses has no hash
        return None
    return int.from_bytes(np.packbits(cells[:, :-1] < cells[:, 1:]).tobytes(), "big", signed=True)


def _opaque(image: Image.Image) -> Image.Image:
    """The picture on white where it has transparent parts."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image
