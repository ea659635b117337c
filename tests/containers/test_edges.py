"""Edge cases of file kinds, and of the limit for lines."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from pipelines.containers.encodings import other_encoding
from pipelines.containers.kinds import HEAD, kind_of
from pipelines.containers.shapes import is_record
from pipelines.records import Quarantined, origin_of
from tests.making import asked, configuration, run_lines


def written(folder: Path, data: bytes, name: str = "log.jsonl") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def states(folder: Path, data: bytes, name: str = "log.jsonl", **limits: int) -> list[tuple[int, str]]:
    """(line, code of the first finding or "") of every outcome."""
    outcomes = run_lines(configuration(limits=limits), written(folder, data, name))
    return [(origin_of(one).line, one.findings[0].code if one.findings else "") for one in outcomes]


LINE = json.dumps(asked()).encode()


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_the_length_of_a_line_is_limited(tmp_path: Path, end: bytes):
    assert states(tmp_path, LINE + end, line_bytes=len(LINE)) == [(1, "")]
    assert states(tmp_path, LINE + end, line_bytes=len(LINE) - 1) == [(1, "line.too_large")]


@pytest.mark.parametrize("between", [b", ", b",\n"])
def test_the_length_of_an_element_is_limited(tmp_path: Path, between: bytes):
    data = b"[" + LINE + between + LINE.replace(b"Hello", b"Hi") + b"]"
    assert states(tmp_path, data, "log.json", line_bytes=len(LINE)) == [(1, ""), (2, "")]
    assert states(tmp_path, data, "log.json", line_bytes=len(LINE) - 1) == [(1, "line.too_large"), (2, "")]


@pytest.mark.parametrize("length", [4095, 4096, 4097, 9000])
def test_a_line_over_the_limit_keeps_its_length_hash_and_first_bytes(tmp_path: Path, length: int):
    line = bytes(65 + i % 26 for i in range(length))
    (row,) = run_lines(configuration(limits={"line_bytes": 10}), written(tmp_path, line))
    assert isinstance(row, Quarantined)
    stub = json.loads(row.raw.raw)
    assert stub == {"bytes": length, "sha256": hashlib.sha256(line).hexdigest(), "head_base64": base64.b64encode(line[:4096]).decode()}


def test_lines_including_blank_ones_are_numbered_from_1(tmp_path: Path):
    other = json.dumps(asked("Who?")).encode()
    assert states(tmp_path, b"\n" + LINE + b"\n \t\r\n\v\f\n" + other + b"\n\n") == [(2, ""), (5, "")]


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        (b"{}", True),
        (b"[]", True),
        (b" {} \r", True),
        (b'{"a": "\\""}', True),
        (b'{"a": "}', False),
        (b'{"a": [}', False),
        (b"{}{}", False),
        (b"{},", False),
        (b"7", False),
        (b"", False),
        (b'"{}"', False),
        (b"}", False),
        (b"[[[]]]", True),
        (b"[[[]]", False),
    ],
)
def test_a_line_is_a_record_if_it_is_exactly_one_object_or_list(line: bytes, whole: bool):
    assert is_record(line) == whole


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (b"{}\n{}\n", "a.json", "lines"),
        (b'{"a": 1}', "a.json", "lines"),
        (b'{\n"a": 1}', "a.jsonl", "objects"),
        (b"[{}, {}]", "a.jsonl", "array"),
        (b"[\n{},\n{}\n]", "a.jsonl", "array"),
        (b"[1]\n[2]\n", "a.jsonl", "lines"),
        (b"[1, 2]", "a.json", "array"),
        (b"[1, 2]", "a.jsonl", "lines"),
        (b"[]", "a.jsonl", "array"),
        (b"\xef\xbb\xbf[{}]", "a", "array"),
        (b"", "a.jsonl", "lines"),
        (b"words", "a.jsonl", "lines"),
        (b"PAR1", "a.jsonl", "parquet"),
        (b"words", "a.parquet", "parquet"),
        (b"ARROW1", "a.jsonl", "arrow"),
        (b"words", "a.feather", "arrow"),
        (b"{}", "a.arrow", "lines"),
        (b"\xff\xff\xff\xff\x08\0\0\0", "a", "arrow_stream"),
        (b"\xff\xff\xff\xff\x08\0\0", "a", "lines"),
        (b"\xff\xff\xff\xff\x09\0\0\0", "a", "lines"),
        (b"\xff\xff\xff\xff\x08\0\0\1", "a", "lines"),
        (b"\xff\xff\xff\xff\0\0\0\0", "a", "lines"),
    ],
)
def test_the_content_decides_what_a_file_is_and_its_name_breaks_ties(tmp_path: Path, data: bytes, name: str, kind: str):
    assert kind_of(str(written(tmp_path, data, name))) == kind


@pytest.mark.parametrize("size", [HEAD - 20, HEAD, HEAD + 1, HEAD + 20])
def test_a_pretty_object_is_one_record_whatever_its_size(tmp_path: Path, size: int):
    text = json.dumps(asked("Q" * size), indent=1).encode()
    assert states(tmp_path, text) == [(1, "")]


@pytest.mark.parametrize(
    "head",
    [b"PK\x03\x04", b"PK\x05\x06", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x04\x22\x4d\x18", b"\xff\x06\x00\x00sNaPpY", b"\x1f\x9d", bytes(257) + b"ustar"],
)
def test_a_file_with_unsupported_compression_is_one_damaged_file(tmp_path: Path, head: bytes):
    assert states(tmp_path, head + bytes(300)) == [(0, "file.compression")]


TEXT = '{"a": "谢谢你们大家都好", "b": "再见朋友明天见"}\n'


@pytest.mark.parametrize(
    ("data", "is_other"),
    [
        (TEXT.encode(), False),
        (TEXT.encode("utf-16"), True),
        (TEXT.encode("utf-16-le"), True),
        (TEXT.encode("utf-16-be"), True),
        (TEXT.encode("utf-32"), True),
        (TEXT.encode("utf-32-le"), True),
        (TEXT.encode("gb18030"), True),
        (TEXT.encode("gb18030") + TEXT.encode() * 3, False),  # single damaged lines
        (b'{"a": 1}\n' * 3 + TEXT.encode("gb18030"), False),
        (b'{"a": "\xf0\x9f\x91\xa9\xe2{"b": 1}', False),  # one line, in which one character is damaged
        ('{"a": "café", "b": "naïve"}\n'.encode("latin-1"), False),
        ("谢谢你们大家都好".encode("gb18030"), False),  # no JSON
        (b'{"a": "\0"}', False),
        (b'\0{"a": "b"}\n', False),
        (TEXT.replace("{", "{\r\n ").encode("utf-16-be"), True),
        (b"", False),
    ],
)
def test_another_encoding_is_found_only_if_the_whole_file_has_it(data: bytes, is_other: bool):
    assert (other_encoding(data, True) is not None) == is_other
