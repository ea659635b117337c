"""Text is cut into lines, elements and objects, byte for byte, however the bytes come."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator

import pytest

from pipelines.containers.chunks import Damaged
from pipelines.containers.pieces import Collector, elements_of, is_blank, lines_of, objects_of

Cut = Callable[[Iterator[bytes], int, str], Iterator[tuple[bytes, tuple]]]


def cut(how: Cut, text: bytes, size: int) -> list[bytes] | str:
    """The pieces of this text in chunks of so many bytes, or the code of what is wrong with it."""
    chunks = (text[at : at + size] for at in range(0, len(text), size))
    try:
        return [raw for raw, _ in how(chunks, 100, "a.json")]
    except Damaged as damaged:
        return damaged.finding.code


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (b"[]", []),
        (b"[ ]", []),
        (b"[1]", [b"1"]),
        (b"[1, 2 ,3]", [b"1", b"2", b"3"]),
        (b'[{"a": [1, 2]}, {"b": {}}]', [b'{"a": [1, 2]}', b'{"b": {}}']),
        (b'["a,b", "c]d", "e\\"f,g", "\\\\"]', [b'"a,b"', b'"c]d"', b'"e\\"f,g"', b'"\\\\"']),
        (b"[[[1]], [[2]]]", [b"[[1]]", b"[[2]]"]),
        (b"\n [1,\n2]\n", [b"1", b"2"]),
        (b"[1,]", [b"1"]),
        (b"[,1]", [b"", b"1"]),
        (b"[1", "file.json_truncated"),
        (b"[1, [2]", "file.json_truncated"),
        (b'["a]', "file.json_truncated"),
        (b"[1] 2", "file.corrupt"),
        (b"[1][2]", "file.corrupt"),
    ],
)
def test_an_array_is_cut_into_its_elements(text: bytes, pieces: list[bytes] | str, size: int):
    assert cut(elements_of, text, size) == pieces


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (b'{"a": 1}', [b'{"a": 1}']),
        (b'{"a": 1}{"b": 2}', [b'{"a": 1}', b'{"b": 2}']),
        (b'\n{"a": {"b": []}}\n\n[1]\n', [b'{"a": {"b": []}}', b"[1]"]),
        (b'{"a": "}\\"{"}', [b'{"a": "}\\"{"}']),
        (b'{"a": 1', "file.json_truncated"),
        (b'{"a": 1}{', "file.json_truncated"),
        (b"{} x {}", "file.corrupt"),
        (b"x {}", "file.corrupt"),
        (b"{} x", "file.corrupt"),
        (b"{}}", "file.corrupt"),
        (b"{}, {}", "file.corrupt"),
    ],
)
def test_objects_over_many_lines_are_cut_apart(text: bytes, pieces: list[bytes] | str, size: int):
    assert cut(objects_of, text, size) == pieces


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("text", "lines"),
    [(b"", []), (b"a", [b"a"]), (b"a\n", [b"a"]), (b"a\nb", [b"a", b"b"]), (b"\n\na\n", [b"", b"", b"a"]), (b"a\r\n", [b"a\r"]), (b"\n", [b""])],
)
def test_a_line_ends_with_its_newline_or_the_file(text: bytes, lines: list[bytes], size: int):
    chunks = (text[at : at + size] for at in range(0, len(text), size))
    assert [raw for raw, _ in lines_of(chunks, 100)] == lines


@pytest.mark.parametrize("size", [1, 7, 4096, 10_000])
@pytest.mark.parametrize("length", [10, 11, 4096, 4097, 5000])
def test_a_piece_over_the_limit_keeps_its_size_hash_and_first_bytes(length: int, size: int):
    data = bytes(range(256)) * 20
    data = data[:length]
    collector = Collector(10)
    for at in range(0, length, size):
        collector.add(data[at : at + size])
    raw, findings = collector.piece()
    if length <= 10:
        assert (raw, findings) == (data, ())
        return
    assert json.loads(raw) == {"bytes": length, "sha256": hashlib.sha256(data).hexdigest(), "head_base64": base64.b64encode(data[:4096]).decode()}
    assert [finding.code for finding in findings] == ["line.too_large"]


@pytest.mark.parametrize(("raw", "blank"), [(b"", True), (b" \t\r\n\v\f", True), (b"\xef\xbb\xbf ", True), (b"\xef\xbb", False), (b"\0", False), (b"0", False)])
def test_a_piece_is_blank_if_it_has_only_blanks_and_a_byte_order_mark(raw: bytes, blank: bool):
    assert is_blank(raw) == blank
