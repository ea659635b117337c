"""Text is cut into lines, elements and objects, byte for byte, however the bytes come."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator

import pytest

from pipelines.containers.chunks import Damaged, codec_of, unread_kind
from pipelines.containers.kinds import begins_like_json, columnar
from pipelines.containers.passed_over import is_hidden, why_passed_over
from pipelines.containers.pieces import Collector, elements_of, is_blank, lines_of, objects_of
from pipelines.containers.shapes import shape_of

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
def test_of_a_piece_over_the_limit_its_size_hash_and_head_are_kept(length: int, size: int):
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
def test_a_blank_piece_has_nothing_but_blanks_and_a_byte_order_mark(raw: bytes, blank: bool):
    assert is_blank(raw) == blank


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
def test_the_layout_of_a_text(head: bytes, is_all: bool, named_lines: bool, shape: str):
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
def test_packed_files_are_known_by_their_first_bytes(head: bytes, codec: str | None, unread: str | None):
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
def test_columnar_files_are_known_by_their_first_bytes(data: bytes, kind: str | None):
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


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.jsonl", b"anything", None),
        ("a.jsonl.gz", b"anything", None),
        (".a.jsonl", b"{}", "hidden"),
        ("_a.jsonl", b"{}", "hidden"),
        ("a.jsonl.tmp", b"{}", "incomplete"),
        ("a.jsonl~", b"{}", "incomplete"),
        ("a.crc", b"{}", "a checksum"),
        ("README.md", b"{}", "a README"),
        ("LICENSE", b"{}", "a README or licence"),
        ("readme.jsonl", b"{}", None),
        ("a.PNG", b"{}", "a picture"),
        ("a.mp4", b"{}", "audio or video"),
        ("dataset_info.json", b"{}", "it describes a data set"),
        ("state.json", b"{}", None),
        ("a.log", b'{"a": 1}', None),
        ("a.log", b"", None),
        ("a.log", b"[\n", None),
        ("a.log", b"[1]", "its content is not a log: it begins with b'[1]'"),
        ("a.log", b'x\n{"a": 1}\n{"b": 2}\n', None),  # most lines begin like a record
        ("a.log", b'x\n{"a": 1}\n', "its content is not a log"),
        ("a.log", b'x\n\n\n{"a": 1}\n', "its content is not a log"),
        ("a.log", b"PAR1", None),
        ("a.log", b"PK\x03\x04", "a zip archive, which cannot be read"),
        ("a.log", b"x" * 30, f"its content is not a log: it begins with {b'x' * 20!r}"),
    ],
)
def test_a_file_of_a_folder_is_a_log_or_is_passed_over(tmp_path, name: str, content: bytes, why: str | None):
    (tmp_path / name).write_bytes(content)
    found = why_passed_over(str(tmp_path / name))
    assert found is None if why is None else (found or "").startswith(why)


def test_the_state_of_a_data_set_is_none_of_its_rows(tmp_path):
    for name in ("state.json", "dataset_info.json"):
        (tmp_path / name).write_text("{}")
    assert (why_passed_over(f"{tmp_path}/state.json") or "").startswith("it describes a data set")


@pytest.mark.parametrize(("name", "hidden"), [(".a", True), ("_a", True), ("a", False), ("_day=1", False), (".day=1", False), ("a_b", False)])
def test_a_partition_is_never_hidden(name: str, hidden: bool):
    assert is_hidden(name) == hidden
