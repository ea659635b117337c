"""Lines and array elements: they are the same in whatever chunks the bytes arrive, and those that Python finds in the whole file."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.config import Limits
from pipelines.containers import read_records
from pipelines.containers.chunks import Damaged
from pipelines.containers.listing import InputFile
from pipelines.containers.pieces import Piece, elements_of, lines_of, objects_of
from tests.properties.depth import deep

LIMIT = 1 << 20
BYTES = st.lists(st.sampled_from([b"\n", b"\r", b"\x0b", b"\x0c", b"\x85", b"\xe2\x80\xa8", b"\x00", b"\xff", b" ", b"ab", b'{"a": 1}']), max_size=20).map(
    b"".join
)
TEXT = st.text(st.sampled_from('ab[]{},"\\\n é\u2028'), max_size=8)
VALUES = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=8)


def cut(data: bytes, places: list[int]) -> Iterator[bytes]:
    """The bytes in chunks that end at these places; some chunks are empty."""
    at = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return iter([data[start:end] for start, end in pairwise(at)])


CUTS = st.lists(st.integers(0, 1 << 16), max_size=6)


@given(data=BYTES, cuts=CUTS)
@deep(300)
def test_lines_are_the_parts_between_newlines(data: bytes, cuts: list[int]):
    *whole, last = data.split(b"\n")
    assert [raw for raw, _ in lines_of(cut(data, cuts), LIMIT)] == whole + ([last] if last else [])
    assert list(lines_of(cut(data, cuts), 3)) == list(lines_of(iter([data]), 3))


@given(values=st.lists(VALUES, max_size=6), cuts=CUTS, indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
@deep(60)
def test_elements_are_those_that_a_json_parser_reads(values: list[Any], cuts: list[int], indent: int | None, ascii_only: bool):
    data = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode()
    assert [json.loads(raw) for raw, _ in elements_of(cut(data, cuts), LIMIT, "a.json")] == values


def pieces(data: bytes, cuts: list[int], limit: int, read: Callable[..., Iterator[Piece]] = elements_of) -> tuple[list[Any], str | None]:
    found = []
    try:
        for piece in read(cut(data, cuts), limit, "a.json"):
            found.append(piece)
    except Damaged as damage:
        return found, damage.finding.code
    return found, None


@given(parts=st.lists(st.sampled_from([*'[]{},"\\ 1a', "\ufeff", '"a,b"', '{"k": [1]}']), max_size=14), cuts=CUTS, limit=st.sampled_from([3, LIMIT]))
@example(parts=["[", "]", "\ufeff", "]"], cuts=[5], limit=3)  # the head of a long element once depended on the chunks
@example(parts=["[", "1", "]", " ", "[", "2", ",", "3", "]"], cuts=[], limit=LIMIT)
@deep(300)
def test_a_broken_array_gives_the_same_elements_in_any_chunks(parts: list[str], cuts: list[int], limit: int):
    data = "".join(["[", *parts]).encode()
    assert pieces(data, cuts, limit) == pieces(data, [], limit)


OBJECTS = st.lists(st.dictionaries(TEXT, VALUES, min_size=1), min_size=2, max_size=6)
LAYOUTS: dict[str, Callable[[list[Any]], bytes]] = {
    "lines": lambda values: b"".join(json.dumps(value).encode() + b"\n" for value in values),
    "array": lambda values: json.dumps(values).encode(),
    "array over many lines": lambda values: json.dumps(values, indent=1, ensure_ascii=False).encode(),
    "objects over many lines": lambda values: b"\n".join(json.dumps(value, indent=2, ensure_ascii=False).encode() for value in values),
}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


@given(values=OBJECTS, name=st.sampled_from(["a", "a.json", "a.jsonl", "a.gz", "a.arrow"]), cuts=CUTS)
@deep(15)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_records_are_read_from_every_layout_and_compression_under_any_name(
    tmp_path_factory, layout: str, values: list[Any], name: str, cuts: list[int]
):
    path = tmp_path_factory.getbasetemp() / name
    data = LAYOUTS[layout](values)
    for pack in PACKINGS.values():
        path.write_bytes(b"".join(map(pack, cut(data, cuts))) if pack is not bytes else data)
        stat = path.stat()
        rows = list(read_records(InputFile("logs", str(path), stat.st_size, stat.st_mtime_ns), Limits()))
        assert [json.loads(row.raw) for row in rows] == values
        assert [row.origin.line for row in rows] == list(range(1, len(values) + 1))


@given(
    values=st.lists(st.dictionaries(TEXT, VALUES), max_size=6),
    cuts=CUTS,
    limit=st.sampled_from([3, LIMIT]),
    after=st.sampled_from([b"", b"]", b"{", b'"', b" \n"]),
)
@deep(100)
def test_objects_over_several_lines_are_the_same_in_any_chunks(values: list[Any], cuts: list[int], limit: int, after: bytes):
    data = LAYOUTS["objects over many lines"](values) + after
    assert pieces(data, cuts, limit, objects_of) == pieces(data, [], limit, objects_of)
    assert [json.loads(raw) for raw, findings in pieces(data, cuts, LIMIT, objects_of)[0]] == values


@given(records=st.lists(st.dictionaries(TEXT, VALUES, min_size=1), min_size=3, max_size=6), at=st.integers(1, 1 << 16))
@deep(100)
def test_a_file_whose_first_line_is_cut_is_still_read_line_by_line(tmp_path_factory, records: list[Any], at: int):
    first, *whole = [json.dumps(record).encode() for record in records]
    lines = [first[: 1 + at % (len(first) - 1)], *whole]
    path = tmp_path_factory.getbasetemp() / "cut.jsonl"
    path.write_bytes(b"\n".join(lines))
    stat = path.stat()
    rows = list(read_records(InputFile("logs", str(path), stat.st_size, stat.st_mtime_ns), Limits()))
    assert [row.raw for row in rows] == lines


TALKS = [[{"role": "user", "content": "hi"}], [{"role": "assistant", "content": "x" * 50}]] * 10


def parquet(compression: str) -> bytes:
    file = io.BytesIO()
    times = pa.array([1, 2] * 10, pa.timestamp("us"))
    pq.write_table(pa.table({"messages": TALKS, "at": times, "name": pa.array(["x", "é"] * 10).dictionary_encode()}), file, compression=compression)
    return file.getvalue()


PARQUET = [parquet("none"), parquet("snappy")]


@given(data=st.sampled_from(PARQUET), flips=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(1, 255)), min_size=1, max_size=4))
@deep(100)
def test_a_parquet_file_with_changed_bytes_gives_its_first_rows_and_at_most_one_fault(tmp_path_factory, data: bytes, flips: list[tuple[int, int]]):
    """Most changes are in the footer, where they do the most harm."""
    damaged = bytearray(data)
    for place, mask in flips:
        damaged[len(damaged) - 1 - place % len(damaged)] ^= mask
    path = tmp_path_factory.getbasetemp() / "damaged.parquet"
    path.write_bytes(damaged)
    stat = path.stat()
    numbers = [row.origin.line for row in read_records(InputFile("logs", str(path), stat.st_size, stat.st_mtime_ns), Limits())]
    whole = [number for number in numbers if number]
    assert whole == list(range(1, len(whole) + 1))
    assert numbers in (whole, [*whole, 0])


@pytest.mark.parametrize("after", [b" [2,3]", b"]],{", b', {"a": 1}, 2', b'"'])
def test_bytes_after_an_array_are_a_fault_of_the_file_and_no_record(after: bytes):
    assert pieces(b"[1]" + after, [], LIMIT) == ([(b"1", ())], "file.corrupt")
