"""No picture takes more time than its bytes allow: the parts of each format are bounded, alone and in sum."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from pipelines.images.files import bmp, gif, jpeg, png, webp
from pipelines.images.files.formats import check
from pipelines.reasons import Reject
from tests.images import hostile_pictures as made
from tests.images.hostile_pictures import GENERATORS, jpeg_segment, png_chunk, webp_chunk

MOST_PIXELS = 64_000_000
MOST_BYTES = 32 << 20  # limits.image_bytes, less what the rest of the picture needs
SCANS_ONLY = {made.jpeg_many_scans, made.jpeg_many_refinements}
Make = Callable[[int], bytes]


def refusal(data: bytes, level: str = "structure") -> tuple[str, str] | None:
    """(code, detail) of what refuses the picture at this level."""
    try:
        check(data, level, MOST_PIXELS)
    except Reject as reject:
        return reject.findings[0].code, reject.findings[0].detail
    return None


def steps(data: bytes) -> int:
    """Lines of Python that checking the picture runs, ours and Pillow's."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        refusal(data, "decode")
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("make", GENERATORS, ids=lambda make: make.__name__)
def test_twice_the_bytes_take_at_most_twice_the_steps(make: Make):
    small, large = make(6_000), make(12_000)
    fixed = steps(make(0))
    assert len(small) < len(large)
    assert steps(large) - fixed <= 2.1 * (steps(small) - fixed) + 200


@pytest.mark.parametrize(
    ("picture", "most", "what"),
    [
        (lambda n: made.jpeg_fill_bytes(n), jpeg.MOST_FILL_BYTES, "fill bytes"),
        (lambda n: made.jpeg_around(jpeg_segment(0xFE, b"") * n), jpeg.MOST_SEGMENTS - 12, "segments"),
        (lambda n: made.jpeg_around(b"\xff\xd0" * n), jpeg.MOST_SEGMENTS - 12, "segments"),
        (lambda n: made.png_around(png_chunk(b"tEXt", b"") * n), png.MOST_CHUNKS - 3, "chunks"),
        (lambda n: made.gif_around(b"\x21\xfe" + b"\1a" * n + b"\0"), gif.MOST_BLOCKS - 4, "blocks"),
        (lambda n: made.webp_around(webp_chunk(b"JUNK", b"") * n), webp.MOST_CHUNKS - 2, "chunks"),
    ],
)
def test_a_picture_with_too_many_parts_is_refused(picture: Make, most: int, what: str):
    assert refusal(picture(most)) is None
    code, detail = refusal(picture(most + 16)) or ("", "")
    assert (code, detail.startswith("it has more than "), detail.endswith(what)) == ("image.corrupt", True, True)


@pytest.mark.parametrize(
    ("scans", "side", "passes"),
    [(2, 8000, True), (32, 8000, True), (33, 8000, False), (128, 4000, True), (129, 4000, False), (1000, 16, True)],
)
def test_a_small_picture_may_have_more_scans(scans: int, side: int, passes: bool):
    found = refusal(made.jpeg_with_scans(scans - 1, side, side))
    assert found == (None if passes else ("image.corrupt", f"{scans} scans of {side * side} pixels; at most 32, or 2048000000 pixels in all scans"))


def texts(count: int, unpacked: int, damaged: bool = False) -> bytes:
    return made.png_around(made.png_text(unpacked, damaged) * count)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (texts(1, png.TEXT_BYTES), None),
        (texts(1, png.TEXT_BYTES + 1), "image.metadata_bomb"),
        (texts(64, png.TEXT_BYTES), None),
        (texts(65, png.TEXT_BYTES), "image.metadata_bomb"),
        (texts(64, png.TEXT_BYTES, damaged=True), None),
        (texts(65, png.TEXT_BYTES, damaged=True), "image.metadata_bomb"),
        (texts(1000, 1000), None),
    ],
)
def test_all_texts_of_a_png_together_unpack_to_64_mib_at_most(data: bytes, code: str | None):
    assert (refusal(data) or (None,))[0] == code


@pytest.mark.parametrize(
    ("width", "height", "size", "passes"),
    [(4000, 4000, 100, True), (4001, 4000, 100, False), (100, 100, bmp.MOST_RUN_LENGTH_BYTES, True), (100, 100, bmp.MOST_RUN_LENGTH_BYTES + 1, False)],
)
def test_a_run_length_encoded_bmp_is_read_up_to_a_size(width: int, height: int, size: int, passes: bool):
    found = refusal(made.bmp_of_runs(width, height, b"\0" * size))
    assert (found and found[0]) == (None if passes else "image.format_not_allowed")


@pytest.mark.long
@pytest.mark.parametrize("make", GENERATORS, ids=lambda make: make.__name__)
def test_the_largest_picture_takes_less_than_three_seconds(make: Make):
    data = make(1 << 20 if make in SCANS_ONLY else MOST_BYTES)
    began = time.process_time()
    found = refusal(data, "decode")
    seconds = time.process_time() - began
    assert (found and found[0]) == GENERATORS[make]
    assert seconds < 3
