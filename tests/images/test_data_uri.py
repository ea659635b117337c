"""data: URIs: base64 of an image type, in either alphabet and with blanks; everything else is refused with its reason."""

import base64

import pytest

from pipelines.images.data_uri import decode_data_uri, is_data_uri
from pipelines.reasons import Reject

BYTES = bytes(range(256))


@pytest.mark.parametrize(
    ("ref", "is_one"),
    [
        ("data:image/png;base64,AAAA", True),
        ("DATA:,", True),
        ("\n  data:image/png;base64,AAAA", True),
        (" " * 27 + "data:", True),
        (" " * 28 + "data:", False),
        ("data/a.png", False),
        ("data", False),
        ("x data:", False),
    ],
)
def test_a_data_uri_begins_with_its_scheme(ref: str, is_one: bool):
    assert is_data_uri(ref) is is_one


@pytest.mark.parametrize(
    "ref",
    [
        "data:image/png;base64," + base64.b64encode(BYTES).decode(),
        "data:image/png;base64," + base64.urlsafe_b64encode(BYTES).decode(),
        "  Data:Image/PNG; Base64 ," + base64.encodebytes(BYTES).decode(),
        "data:image;charset=x;base64,\r\n\t " + base64.b64encode(BYTES).decode(),
    ],
)
def test_both_base64_alphabets_and_whitespace_are_read(ref: str):
    assert decode_data_uri(ref) == BYTES


@pytest.mark.parametrize(
    ("ref", "detail"),
    [
        ("data:image/png;base64", "there is no comma after the media type"),
        ("data:image/png;" + "x" * 2000 + ",AAAA", "there is no comma after the media type"),
        ("data:text/plain;base64,AAAA", "the media type is text/plain, not an image's"),
        ("data:;base64,AAAA", "the media type is not given, not an image's"),
        ("data:image/png,AAAA", "the data is not base64"),
        ("data:image/png;base64,AAA", "the base64 is damaged: Incorrect padding"),
        ("data:image/png;base64,AA\u00e9A", "the base64 is damaged: '\u00e9' at character 2"),
        ("data:image/png;base64,\n", "it holds no bytes"),
    ],
)
def test_what_is_refused_and_why(ref: str, detail: str):
    with pytest.raises(Reject) as caught:
        decode_data_uri(ref)
    assert [(finding.code, finding.detail) for finding in caught.value.findings] == [("image.data_uri_bad", detail)]
