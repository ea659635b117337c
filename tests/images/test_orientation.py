"""How a picture is turned: tag 0x0112 of an EXIF block, or 1 if the block does not have it."""

import pytest

from pipelines.images.files.pixels import turned
from pipelines.records import Size
from pipelines.training.orientation import orientation_of


def exif(*entries: tuple[int, int], order: str = "big", start: int = 8, count: int | None = None) -> bytes:
    """A TIFF block whose directory has these (tag, value) entries and says that it has so many."""

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, order)  # type: ignore[arg-type]

    block = (b"MM" if order == "big" else b"II") + number(42, 2) + number(start, 4) + bytes(start - 8)
    block += number(len(entries) if count is None else count, 2)
    return block + b"".join(number(tag, 2) + number(3, 2) + number(1, 4) + number(value, 2) + bytes(2) for tag, value in entries)


@pytest.mark.parametrize(
    ("block", "orientation"),
    [
        *((exif((0x0112, value)), value) for value in range(1, 9)),
        (exif((0x0112, 0)), 1),
        (exif((0x0112, 9)), 1),
        (exif((0x0112, 6), order="little"), 6),
        (b"Exif\0\0" + exif((0x0112, 6)), 6),
        (exif((0x0103, 8), (0x0112, 6)), 6),
        (exif((0x0112, 6), (0x0112, 3)), 6),  # the first
        (exif((0x0113, 6)), 1),
        (exif((0x0112, 6), start=20), 6),
        (exif((0x0112, 6), count=0), 1),
        (exif((0x0112, 6), count=5), 6),
        (exif((0x0103, 6), count=5), 1),  # more entries promised than are there
        (exif(*[(0x0103, 1)] * 1023, (0x0112, 6)), 6),
        (exif(*[(0x0103, 1)] * 1024, (0x0112, 6)), 1),  # no honest file has so many
        (exif((0x0112, 6))[:-3], 1),
        (b"MM", 1),
        (b"XX" + exif((0x0112, 6))[2:], 1),
        (b"", 1),
    ],
)
def test_the_orientation_is_read_from_an_exif_block(block: bytes, orientation: int):
    assert orientation_of(block) == orientation


@pytest.mark.parametrize(("block", "size"), [(None, Size(4, 3)), (b"", Size(4, 3)), (exif((0x0112, 4)), Size(4, 3)), (exif((0x0112, 5)), Size(3, 4))])
def test_a_quarter_turn_swaps_the_sides(block: bytes | None, size: Size):
    assert turned(Size(4, 3), block) == size
