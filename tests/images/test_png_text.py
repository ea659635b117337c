"""Text in a PNG: how much all of it may unpack to, and how much a damaged text counts for."""

import pytest

from pipelines.images.files.formats import check
from pipelines.reasons import Reject
from tests.images.hostile_pictures import drawn, png_chunk

MEBIBYTE = 1 << 20


def with_text(*chunks: bytes) -> bytes:
    """A small PNG with these chunks after its header."""
    data = drawn("PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def plain(size: int) -> bytes:
    return png_chunk(b"iTXt", b"key\0" + bytes(size - 4))


def damaged(packed: int) -> bytes:
    """A text of so many packed bytes that cannot be unpacked: it counts for 1032 times as many, which is the most that deflate can make."""
    return png_chunk(b"zTXt", b"key\0\0" + b"\xff" * packed)


def code(data: bytes) -> str | None:
    try:
        check(data, "structure", 1000)
    except Reject as reject:
        return reject.findings[0].code
    return None


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([plain(MEBIBYTE)] * 64, None),
        ([plain(MEBIBYTE)] * 64 + [plain(4)], "image.metadata_bomb"),
        ([damaged(1016)] * 64 + [plain(64 * (MEBIBYTE - 1016 * 1032))], None),
        ([damaged(1016)] * 64 + [plain(64 * (MEBIBYTE - 1016 * 1032) + 1)], "image.metadata_bomb"),
        ([damaged(5000)] * 64, None),  # no text counts for more than a mebibyte
        ([damaged(5000)] * 64 + [plain(4)], "image.metadata_bomb"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_all_text_together_unpacks_to_at_most_64_mebibytes(chunks: list[bytes], expected: str | None):
    assert code(with_text(*chunks)) == expected
