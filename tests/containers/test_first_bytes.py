"""What a file is by its first bytes: its layout, how it is compressed, and whether it holds rows of Parquet or Arrow."""

import pytest

from pipelines.containers.chunks import codec_of, unread_kind
from pipelines.containers.kinds import begins_like_json, columnar
from pipelines.containers.shapes import shape_of


@pytest.mark.parametrize(
    ("head", "is_all", "named_lines", "shape"),
    [
        (b"", True, False, "lines"),
        (b"text", True, False, "lines"),
        (b'{"a": 1}', True, False, "lines"),
        (b'{"a": 1}\n{"b": 2}\n', True, False, "lines"),
        (b'{"a": 1}\n{\n', True, False, "lines"),
        (b'{\n"a": 1\n}', True, True, "objects"),
        (b'{\n"a": 1,\n"b": [\n', False, False, "objects"),
        (b'{"a": \n{"b": 1}\n', True, False, "lines"),
        (b"{\n{", True, True, "lines"),
        (b'{"a":\n{\n', True, True, "objects"),
        (b'{"a": [\n{\n', True, True, "objects"),
        (b'{\n{\n"a": 1,\n"b": 2\n}\n}\n', True, True, "objects"),  # most lines are parts of something
        (b"[1, 2]", True, False, "array"),
        (b"[1, 2]", True, True, "lines"),
        (b'[{"a": 1}]', True, True, "array"),
        (b"[]", True, True, "array"),
        (b"[\n1,\n2]", True, False, "array"),
        (b"[1]\n[2]\n", True, False, "lines"),
        (b'[1]\n{"a": 1}\n', True, False, "lines"),
        (b"[1]\ntext\n", True, False, "array"),
        (b'[{"a": 1},\n{"b": 2}]', True, True, "array"),
        (b'[1,\n{"a": 1}\n{"b": 2}\n', True, True, "lines"),  # a cut first line
        (b'\xef\xbb\xbf \n[{"a": 1}]', True, False, "array"),
    ],
)
def test_the_layout_of_a_text_is_found_from_its_beginning(head: bytes, is_all: bool, named_lines: bool, shape: str):
    assert shape_of(head, is_all, named_lines) == shape


@pytest.mark.parametrize(
    ("head", "codec", "unread"),
    [
        (b"\x1f\x8b", "gzip", None),
        (b"\x1f\x8c", None, None),
        (b"\x28\xb5\x2f\xfd", "zstd", None),
        (b"\x50\x2a\x4d\x18", "zstd", None),
        (b"\x5f\x2a\x4d\x18", "zstd", None),
        (b"\x60\x2a\x4d\x18", None, None),
        (b"BZh91AY&SY", "bzip2", None),
        (b"BZh01AY&SY", None, None),
        (b"BZh9 text", None, None),
        (b"\xfd7zXZ\x00", "xz", None),
        (b"PK\x03\x04", None, "a zip archive"),
        (b"\x1f\x9d", None, "a .Z file"),
        (b" PK\x03\x04", None, None),
        (bytes(257) + b"ustar", None, "a tar archive"),
        (bytes(256) + b"ustar", None, None),
        (b"{}", None, None),
    ],
)
def test_compressed_files_are_recognized_by_their_first_bytes(head: bytes, codec: str | None, unread: str | None):
    found = codec_of(head)
    assert (found and found.name, unread_kind(head)) == (codec, unread)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"PAR1", "parquet"),
        (b"ARROW1\0\0", "arrow"),
        (b"\xff\xff\xff\xff\x08\0\0\0", "arrow_stream"),
        (b"\xff\xff\xff\xff\x09\0\0\0", None),
        (b"\xff\xff\xff\xff\0\0\0\0", None),
        (b"\xff\xff\xff\xff\x08\0\0\x01", None),
        (b"\xff\xff\xff\xff\x08\0\0", None),
        (b"\xff\xff\xff\xfe\x08\0\0\0", None),
        (b"PAR", None),
    ],
)
def test_columnar_files_are_recognized_by_their_first_bytes(data: bytes, kind: str | None):
    assert columnar(data) == kind


@pytest.mark.parametrize(
    ("data", "is_json"),
    [
        (b"{", True),
        (b" \n[", True),
        (b"\xef\xbb\xbf{", True),
        (b"\xff\xfe{\0", True),
        (b"\xfe\xff\0[", True),
        (b"\0\0\xfe\xff\0\0\0{", True),
        (b"a{", False),
        (b"", False),
    ],
)
def test_json_begins_with_an_object_or_a_list_in_any_encoding(data: bytes, is_json: bool):
    assert begins_like_json(data) == is_json
