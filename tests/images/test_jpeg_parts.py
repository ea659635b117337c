"""How many parts a JPEG may have: segments, fill bytes before a marker, and scans over all its pixels."""

import pytest

from pipelines.images.files.formats import check
from pipelines.reasons import Reject

EMPTY = b"\xff\xe0\x00\x02"  # a segment that holds nothing
SCAN = b"\xff\xda\x00\x02"


def frame(width: int, height: int) -> bytes:
    return b"\xff\xc0\x00\x0b\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x01\x01\x11\x00"


def passes(*segments: bytes) -> bool:
    """Whether such a file, from its start marker to its end marker, is one of sound structure."""
    try:
        check(b"\xff\xd8" + b"".join(segments) + b"\xff\xd9", "structure", 100_000_000)
    except Reject as reject:
        return [finding.code for finding in reject.findings] != ["image.corrupt"]
    return True


@pytest.mark.parametrize(("others", "is_sound"), [(0, True), (4093, True), (4094, False), (9000, False)])
def test_a_jpeg_may_have_at_most_4096_markers(others: int, is_sound: bool):
    assert passes(*[EMPTY] * others, frame(9, 9), SCAN) == is_sound  # and the end marker


@pytest.mark.parametrize(("fill", "is_sound"), [(1, True), (1 << 20, True), ((1 << 20) + 1, False)])
def test_a_jpeg_may_have_at_most_a_mebibyte_of_fill_bytes(fill: int, is_sound: bool):
    assert passes(b"\xff" * fill + EMPTY, frame(9, 9), SCAN) == is_sound
    assert passes(b"\xff" * (fill // 2) + EMPTY, b"\xff" * (fill - fill // 2) + EMPTY, frame(9, 9), SCAN) == is_sound


@pytest.mark.parametrize(
    ("width", "height", "scans", "is_sound"),
    [
        (8000, 8000, 0, False),
        (8000, 8000, 1, True),
        (8000, 8000, 32, True),
        (8000, 8000, 33, False),
        (4000, 8000, 64, True),  # of half as many pixels twice as many
        (4000, 8000, 65, False),
        (8001, 8000, 32, True),  # a picture may have 32 whatever its size
        (9, 9, 2000, True),
    ],
)
def test_the_number_of_scans_of_a_jpeg_is_limited_by_its_pixels(width: int, height: int, scans: int, is_sound: bool):
    assert passes(frame(width, height), *[SCAN] * scans) == is_sound
