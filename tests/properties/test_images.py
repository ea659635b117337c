"""Damaged pictures: each level of checks accepts them or gives its reasons, and a picture that passes one level passes the levels below it."""

from __future__ import annotations

import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.images.decoder import inspect
from pipelines.images.files import png
from pipelines.images.files.formats import FORMATS, LEVELS
from pipelines.reasons import Reject
from pipelines.records import Size
from tests.properties.conftest import KINDS, picture
from tests.properties.depth import deep

MOST = 1 << 20
PICTURES = {kind: picture(kind) for kind in KINDS.values()}
NUMBERS = st.sampled_from(
    [b"\x00" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\x00\x00\x00\x80", b"\x01", b"\xff\xd8", b"\xff\xd9", b"\xff\xda"]
)


@st.composite
def damaged_picture(draw, kind: str) -> bytes:
    """A picture with some of its bytes overwritten, inserted, removed, repeated or cut off."""
    data = PICTURES[kind]
    for _ in range(draw(st.integers(0, 4))):
        at, to = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        more = draw(NUMBERS | st.binary(max_size=8))
        data = draw(
            st.sampled_from([data[:at] + more + data[at + len(more) :], data[:at] + more + data[at:], data[:at] + data[to:], data[:to], data + data[at:to]])
        )
    return data


def seen(data: bytes, level: str) -> tuple[str, Size] | None:
    try:
        return inspect(data, level, MOST)
    except Reject as reject:
        findings = reject.findings
    assert all(finding.code.startswith("image.") and finding.detail for finding in findings)
    return None


@pytest.mark.parametrize("kind", FORMATS)
@given(data=st.data())
@deep(40)
def test_a_picture_that_passes_a_level_passes_the_levels_below_it(kind: str, data: st.DataObject):
    picture = data.draw(damaged_picture(kind))
    header, structure, decode = (seen(picture, level) for level in LEVELS)
    assert structure in (None, header)
    assert decode in (None, structure)
    if header:
        name, size = header
        assert name in FORMATS
        assert 0 < size.width * size.height <= MOST


@pytest.mark.parametrize("kind", FORMATS)
@given(data=st.data())
@deep(40)
def test_decoding_raises_nothing_but_reject(kind: str, data: st.DataObject):
    """In this process, because the decoder's process would report an error of ours as a picture that kills the decoder."""
    picture = data.draw(damaged_picture(kind))
    if seen(picture, "header"):
        name, _ = inspect(picture, "header", MOST)
        with suppress(Reject):
            FORMATS[name].check_pixels(picture)


@pytest.mark.parametrize("kind", FORMATS)
def test_an_undamaged_picture_passes_every_level(kind: str):
    assert [seen(PICTURES[kind], level) for level in LEVELS] == [(kind, Size(12, 9))] * 3


@pytest.mark.parametrize("extra", [-300, -1, 0, 1, 10, 272, 5000])
def test_all_rows_of_a_flat_png_are_read_whatever_its_size(extra: int):
    """Its last bytes unpack to thousands of bytes. They must be read even if a step of 4 MiB ends among them."""
    rows = (1 << 22) // 4096
    flat = png_of(4095, rows + 2, b"\0" * (4096 * (rows + 2)))
    png.check_pixels(flat)
    width = (1 << 22) - 1 + extra
    png.check_pixels(png_of(width, 1, b"\0" * (width + 1)))


@pytest.mark.parametrize(("more", "passes"), [(0, True), (100, True), (1 << 26, False)])
def test_data_after_the_last_row_of_a_png_is_not_unpacked_to_its_end(more: int, passes: bool):
    data = png_of(16, 16, b"\0" * (17 * 16 + more))
    if passes:
        png.check_pixels(data)
    else:
        with pytest.raises(Reject, match="go on for more than"):
            png.check_pixels(data)


def png_of(width: int, height: int, unpacked: bytes) -> bytes:
    """A grey PNG with this size in its header and these bytes in its stream."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0"
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(unpacked, 9)), (b"IEND", b"")]
    return png.SIGNATURE + b"".join(len(body).to_bytes(4, "big") + kind + body + zlib.crc32(body, zlib.crc32(kind)).to_bytes(4, "big") for kind, body in chunks)
