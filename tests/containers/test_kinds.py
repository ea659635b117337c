"""The content of a file decides its layout, compression and encoding. Its name only breaks ties."""

import bz2
import gzip
import json
import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from pipelines.config import Limits
from pipelines.containers import read_records, survey_file
from pipelines.containers.listing import InputFile
from pipelines.records import RawRecord
from tests.making import asked, configuration, run_lines


def listed(path: Path) -> InputFile:
    stat = path.stat()
    return InputFile("logs", str(path), stat.st_size, stat.st_mtime_ns)


def read(path: Path, data: bytes, limits: Limits = Limits()) -> list[RawRecord]:  # noqa: B008
    path.write_bytes(data)
    return list(read_records(listed(path), limits))


def found(path: Path, data: bytes) -> list[tuple[int, bytes | str]]:
    """(number, bytes) of each record; of a damaged file (0, code)."""
    return [(row.origin.line, row.findings[0].code if row.findings else row.raw) for row in read(path, data)]


PRETTY = b'{\n  "id": "t1",\n  "tags": [\n    {}\n  ]\n}'


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "part-00000", "a.log"])
def test_one_object_over_many_lines_is_one_record(tmp_path: Path, name: str):
    assert found(tmp_path / name, b"\xef\xbb\xbf\n" + PRETTY + b"\n") == [(1, PRETTY)]


def test_consecutive_objects_as_jq_writes_them_are_one_record_each(tmp_path: Path):
    assert found(tmp_path / "a.json", PRETTY + b"\n" + PRETTY.replace(b"t1", b"t2") + b'\n{"id": "t3"}\n') == [
        (1, PRETTY),
        (2, PRETTY.replace(b"t1", b"t2")),
        (3, b'{"id": "t3"}'),
    ]


@pytest.mark.parametrize(
    ("after", "code"),
    [(b'\n{\n  "id": ', "file.json_truncated"), (b"\n]", "file.corrupt"), (b"\nthe end", "file.corrupt"), (b',\n{\n "id": 2\n}', "file.corrupt")],
)
def test_complete_objects_before_an_error_are_kept(tmp_path: Path, after: bytes, code: str):
    assert found(tmp_path / "a.json", PRETTY + after) == [(1, PRETTY), (0, code)]


def test_an_invalid_object_over_many_lines_is_still_one_record(tmp_path: Path):
    faulty = b'{\n  "id": "t1",\n  "tags": [\n    1,\n  ],\n}'
    assert found(tmp_path / "a.json", faulty + b"\n" + PRETTY) == [(1, faulty), (2, PRETTY)]


def test_an_object_that_is_longer_than_the_inspected_head_is_one_record(tmp_path: Path):
    long = json.dumps({"id": 1, "picture": "x" * 100_000, "turns": [{"role": "user"}] * 9000}, indent=0).encode()
    assert found(tmp_path / "a.jsonl", long + b"\n" + PRETTY) == [(1, long), (2, PRETTY)]


def test_an_object_over_the_limit_keeps_its_size_hash_and_first_bytes(tmp_path: Path):
    (row, small) = read(tmp_path / "a.json", json.dumps({"text": "x" * 5000}, indent=1).encode() + PRETTY, Limits(line_bytes=1000))
    assert (row.findings[0].code, json.loads(row.raw)["bytes"], small.raw) == ("line.too_large", 5015, PRETTY)


@pytest.mark.parametrize(
    "lines",
    [
        [b'{"a": ', b'{"b": 1}'],
        [b'{"a": "cut in a te', b'{"b": 1}', b'{"c": 1}'],
        [b'{"a": [', b'{"b": 1}', b'{"c": 1}'],
        [b'{"a": [{"b": 1}, ', b'{"b": 1}', b"garbage", b'{"c": 1'],
        [b'{"a": ', b'{"b": ', b'{"c": '],
        [b"{", b"{"],
        [b"{", b"[", b"{"],
        [b'{"a": 1,', b'{"b": 2,', b'{"c": 3,'],
        [b'{"a": {', b'{"b": {', b"{"],
        [b'{"a', b'{"b": 1,', b'{"c": 2,'],
        [b'{"a": 1}', b"{", b'  "b": 1', b"}"],
        [b'{"a": 1} {"b": 2}', b"}"],
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_a_damaged_file_of_lines_is_still_read_line_by_line(tmp_path: Path, name: str, lines: list[bytes]):
    assert found(tmp_path / name, b"\n".join(lines)) == list(enumerate(lines, 1))


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.ndjson", "a"])
@pytest.mark.parametrize("text", [b'[{"a": 1}, {"b": 2}]', b'[\n  {"a": 1},\n  {"b": 2}\n]\n', b'[{"a": 1},\n{"b": 2}]'])
def test_an_array_is_an_array_whatever_its_name(tmp_path: Path, name: str, text: bytes):
    assert found(tmp_path / name, text) == [(1, b'{"a": 1}'), (2, b'{"b": 2}')]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_lines_that_are_lists_are_records_and_not_an_array(tmp_path: Path, name: str):
    lines = [b'[{"a": 1}]', b"[2]"]
    assert found(tmp_path / name, b"\n".join(lines)) == list(enumerate(lines, 1))


def test_the_name_breaks_a_tie(tmp_path: Path):
    assert found(tmp_path / "a.jsonl", b"[1, 2]\n") == [(1, b"[1, 2]")]
    assert found(tmp_path / "a.json", b"[1, 2]\n") == [(1, b"1"), (2, b"2")]


PACK = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor(write_checksum=True).compress, "bz2": bz2.compress, "xz": lzma.compress}
CUT = {"gz": "file.gzip_truncated", "zst": "file.compression", "bz2": "file.compression", "xz": "file.compression"}
CORRUPT = {"gz": "file.gzip_corrupt", "zst": "file.compression", "bz2": "file.compression", "xz": "file.compression"}
FIRST = b'{"n": 1, "text": "' + b"x" * 3000 + b'"}\n'


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a"])
@pytest.mark.parametrize("packing", PACK)
def test_every_member_of_a_compressed_file_is_read_whatever_its_name(tmp_path: Path, packing: str, name: str):
    data = PACK[packing](b"1\n") + PACK[packing](b"") + PACK[packing](b"2\n3\n") + bytes(8)
    assert found(tmp_path / name, data) == [(1, b"1"), (2, b"2"), (3, b"3")]


@pytest.mark.parametrize("packing", PACK)
def test_whole_records_before_a_cut_of_a_compressed_file_are_kept(tmp_path: Path, packing: str):
    data = PACK[packing](FIRST) + PACK[packing](FIRST)[:-6]
    assert found(tmp_path / "a", data)[0::2][:1] == [(1, FIRST.rstrip())]
    assert found(tmp_path / "a", data)[-1] == (0, CUT[packing])


@pytest.mark.parametrize("packing", PACK)
def test_a_compressed_file_that_is_corrupt_or_has_trailing_data_is_damaged(tmp_path: Path, packing: str):
    packed = bytearray(PACK[packing](FIRST))
    assert found(tmp_path / "a", bytes(packed) + b"something else") == [(1, FIRST.rstrip()), (0, CORRUPT[packing])]
    packed[-5] ^= 255
    assert found(tmp_path / "a", bytes(packed))[-1] == (0, CORRUPT[packing])


def test_a_skippable_frame_of_zstd_is_skipped(tmp_path: Path):
    assert found(tmp_path / "a.zst", b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + PACK["zst"](b"1\n")) == [(1, b"1")]


@pytest.mark.parametrize("packing", PACK)
def test_highly_compressed_data_is_decompressed_in_bounded_memory(tmp_path: Path, packing: str):
    (row,) = read(tmp_path / "a", PACK[packing](b"\0" * (64 << 20)), Limits(line_bytes=1000))
    assert (row.findings[0].code, json.loads(row.raw)["bytes"]) == ("line.too_large", 64 << 20)


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.jsonl.zst", b"\x00\x01garbage", "file.compression"),
        ("a.jsonl.gz", b"\x00\x01garbage", "file.gzip_corrupt"),
        ("a.jsonl.lz4", b"\x04\x22\x4d\x18rest", "file.compression"),
        ("a.json.zip", b"PK\x03\x04rest", "file.compression"),
        ("a.parquet.gz", gzip.compress(b"PAR1 and so on"), "file.compression"),
    ],
)
def test_a_file_that_cannot_be_decompressed_is_one_damaged_file_without_lines(tmp_path: Path, name: str, data: bytes, code: str):
    assert found(tmp_path / name, data) == [(0, code)]


@pytest.mark.parametrize("name", ["a.jsonl.zst", "a.arrow", "a.json.zip", "a.xz"])
def test_lines_that_are_named_like_something_else_are_lines(tmp_path: Path, name: str):
    assert found(tmp_path / name, b'{"a": 1}\n{"b": 2}') == [(1, b'{"a": 1}'), (2, b'{"b": 2}')]


LINES = '{"q": "打开设置", "a": "好的"}\n{"q": "现在几点了？", "a": "三点"}\n{"q": "谢谢", "a": "不客气"}\n'


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "gbk", "gb18030", "big5", "shift_jis", "euc_kr"])
@pytest.mark.parametrize("layout", ["lines", "pretty"])
def test_text_in_another_encoding_is_one_damaged_file(tmp_path: Path, encoding: str, layout: str):
    text = {"big5": "打開設定", "shift_jis": "設定を開いてください", "euc_kr": "설정을 열어 주세요"}.get(encoding)
    text = LINES if text is None else f'{{"q": "{text}"}}\n' * 3
    if layout == "pretty":
        text = json.dumps([json.loads(line) for line in text.splitlines()], ensure_ascii=False, indent=1)
    assert found(tmp_path / "a.jsonl", text.encode(encoding)) == [(0, "file.encoding")]
    assert found(tmp_path / "a.gz", gzip.compress(text.encode(encoding))) == [(0, "file.encoding")]


def test_the_finding_names_the_encoding(tmp_path: Path):
    (row,) = read(tmp_path / "a.jsonl", LINES.encode("gbk"))
    assert row.findings[0].detail == "3 of the first 3 lines are not UTF-8, but could be GBK or GB18030; only UTF-8 can be read"


@pytest.mark.parametrize(
    "data",
    [
        '{"q": "caf\xe9s \xe0 la carte"}\n{"q": "d\xe9j\xe0 vu, \xe9t\xe9s"}\n'.encode("latin-1"),
        b'{"q": "yes"}\n{"q": "no"}\n{"q": "' + "打开设置".encode("gbk") + b'"}',
        b"".join(b'{"q": "' + "打开设置".encode()[:-1] + b'"}\n' for _ in range(3)),
        LINES.encode() + b'{"q": "\xff"}',
        b'{"q": 1}\n' + b"\0" * 64 + b'\n{"q": 2}',
    ],
    ids=["Latin-1", "one line in GBK", "UTF-8 that is cut in each line", "one bad byte", "NUL bytes"],
)
def test_damaged_lines_are_judged_one_by_one(tmp_path: Path, data: bytes):
    assert [raw for _, raw in found(tmp_path / "a.jsonl", data)] == data.rstrip(b"\n").split(b"\n")


def arrow(table: pa.Table, is_stream: bool) -> bytes:
    sink = pa.BufferOutputStream()
    with (pa.ipc.new_stream if is_stream else pa.ipc.new_file)(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return sink.getvalue().to_pybytes()


ROWS = pa.table({"b": [1, None, 3], "a": ["ü", "x", "y"], "m": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64()))})


@pytest.mark.parametrize("name", ["a.arrow", "a.parquet", "data-00000-of-00001"])
@pytest.mark.parametrize("is_stream", [False, True])
def test_rows_of_arrow_are_those_of_parquet_with_the_same_content(tmp_path: Path, name: str, is_stream: bool):
    pq.write_table(ROWS, tmp_path / "p")
    rows = found(tmp_path / name, arrow(ROWS, is_stream))
    assert rows == [(1, '{"a":"ü","b":1,"m":{"k":1}}'.encode()), (2, b'{"a":"x","b":null,"m":{}}'), (3, b'{"a":"y","b":3,"m":null}')]
    assert rows == found(tmp_path / "p", (tmp_path / "p").read_bytes())


LATIN = pa.array([b"caf\xe9", b"ok"], pa.binary()).view(pa.string())


@pytest.mark.parametrize(
    "column",
    [
        LATIN,
        LATIN.dictionary_encode(),
        pa.ListArray.from_arrays([0, 1, 2], LATIN),
        pa.StructArray.from_arrays([pa.ListArray.from_arrays([0, 1, 2], LATIN), LATIN], names=["x", "y"]),
        pa.MapArray.from_arrays([0, 1, 2], LATIN, LATIN),
    ],
    ids=lambda column: str(column.type),
)
def test_a_row_of_arrow_whose_text_is_not_utf_8_is_one_row_as_in_parquet(tmp_path: Path, column: pa.Array):
    table = pa.Table.from_arrays([column], names=["a"])
    pq.write_table(table, tmp_path / "p")
    rows = found(tmp_path / "a.arrow", arrow(table, False))
    assert rows == found(tmp_path / "p", (tmp_path / "p").read_bytes())
    assert [line for line, _ in rows] == [1, 2]


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("place", range(0, 2000, 97))
def test_an_arrow_file_with_flipped_bytes_gives_rows_and_at_most_one_damaged_file(tmp_path: Path, place: int, is_stream: bool):
    data = bytearray(arrow(ROWS, is_stream))
    for at in range(place % len(data), min(place % len(data) + 4, len(data))):
        data[at] ^= 0x55
    numbers = [line for line, _ in found(tmp_path / "a.arrow", bytes(data))]
    whole = [number for number in numbers if number]
    assert numbers in (whole, [*whole, 0])


@pytest.mark.parametrize("is_stream", [False, True])
def test_an_incomplete_arrow_file_gives_its_complete_batches_and_is_damaged(tmp_path: Path, is_stream: bool):
    data = arrow(ROWS, is_stream)
    whole = [(1, '{"a":"ü","b":1,"m":{"k":1}}'.encode()), (2, b'{"a":"x","b":null,"m":{}}')] if is_stream else []
    assert found(tmp_path / "a.arrow", data[:-150]) == [*whole, (0, "file.corrupt")]


def test_a_file_that_is_only_named_arrow_is_damaged(tmp_path: Path):
    assert found(tmp_path / "a.arrow", b"\x01\x02\x03") == [(0, "file.corrupt")]


@pytest.mark.parametrize("data", [PRETTY * 50, b"[" + PRETTY * 50 + b"]", PACK["zst"](FIRST * 50), LINES.encode("utf-16"), arrow(ROWS, True)])
def test_only_a_plain_json_lines_file_gets_several_splits(tmp_path: Path, data: bytes):
    (tmp_path / "a").write_bytes(data)
    ((split, line),) = survey_file(listed(tmp_path / "a"), 10).splits
    assert (split.end, line) == (-1, 1)


def test_a_pretty_object_becomes_a_conversation(tmp_path: Path):
    (tmp_path / "a.json").write_text(json.dumps(asked("hi", "hello"), indent=2))
    (outcome,) = run_lines(configuration(source={"path": str(tmp_path)}), tmp_path / "a.json")
    assert [message.content for message in outcome.messages] == ["hi", "hello"]
