"""Parquet rows with values that Python cannot hold: the other rows of the file do not change."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.config import Limits
from pipelines.containers import read_records
from pipelines.containers.listing import InputFile

LATIN = pa.array([b"caf\xe9"], pa.binary()).view(pa.string())


def read(table: pa.Table, path: Path) -> list[tuple[int, bytes, str | None]]:
    pq.write_table(table, path)
    stat = path.stat()
    rows = read_records(InputFile("logs", str(path), stat.st_size, stat.st_mtime_ns), Limits())
    return [(row.origin.line, row.raw, row.findings[0].code if row.findings else None) for row in rows]


@pytest.mark.parametrize(
    ("column", "raw"),
    [
        (pa.array([2**62], pa.timestamp("us")), b'{"a":4611686018427387904}'),
        (pa.array([1], pa.timestamp("us", tz="Nowhere/Land")), b'{"a":1}'),
        (pa.array([2**30], pa.date32()), b'{"a":1073741824}'),
        (pa.array([2**62], pa.time64("us")), b'{"a":4611686018427387904}'),
        (pa.array([2**60], pa.duration("ms")), b'{"a":1152921504606846976}'),
        (pa.array([1], pa.timestamp("us")), b'{"a":"1970-01-01T00:00:00.000001"}'),
        (LATIN, b'{"a":"caf\xe9"}'),
        (pa.FixedSizeListArray.from_arrays(LATIN, 1), b'{"a":["caf\xe9"]}'),
        (pa.MapArray.from_arrays([0, 1], LATIN, LATIN), b'{"a":{"caf\xe9":"caf\xe9"}}'),
        (pa.StructArray.from_arrays([pa.ListArray.from_arrays([0, 1], LATIN)], names=["x"]), b'{"a":{"x":["caf\xe9"]}}'),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_a_value_that_python_cannot_hold_becomes_bytes_or_a_number(tmp_path: Path, column: pa.Array, raw: bytes):
    assert read(pa.Table.from_arrays([column], names=["a"]), tmp_path / "a.parquet") == [(1, raw, None)]


def test_other_rows_are_not_changed_by_such_a_value(tmp_path: Path):
    times = pa.array([0, 2**62, None], pa.timestamp("us"))
    assert [raw for _, raw, _ in read(pa.table({"a": times}), tmp_path / "a.parquet")] == [
        b'{"a":"1970-01-01T00:00:00"}',
        b'{"a":4611686018427387904}',
        b'{"a":null}',
    ]


@pytest.mark.parametrize(
    "table",
    [
        pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]),
        pa.Table.from_arrays([pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])], names=["a"]),
    ],
)
def test_two_columns_of_the_same_name_make_a_file_damaged(tmp_path: Path, table: Any):
    assert [(line, code) for line, _, code in read(table, tmp_path / "a.parquet")] == [(0, "file.parquet_corrupt")]


PAIRS = pa.map_(pa.string(), pa.int64())


@pytest.mark.parametrize(
    ("column", "raw"),
    [
        (pa.array([[("x", 1), ("a", 2)], [], None], PAIRS), [b'{"a":{"a":2,"x":1}}', b'{"a":{}}', b'{"a":null}']),
        (
            pa.array([{"arguments": [("city", "Paris")]}], pa.struct({"arguments": pa.map_(pa.string(), pa.string())})),
            [b'{"a":{"arguments":{"city":"Paris"}}}'],
        ),
        (pa.array([[("x", [("y", 1)])]], pa.map_(pa.string(), PAIRS)), [b'{"a":{"x":{"y":1}}}']),
        (pa.array([[("x", 1), ("x", 2)], [("x", 1)]], PAIRS), [b'{"a":[["x",1],["x",2]]}', b'{"a":{"x":1}}']),
        (pa.array([[(1, 2)]], pa.map_(pa.int64(), pa.int64())), [b'{"a":[[1,2]]}']),
    ],
    ids=["text keys", "in a struct", "in a map", "a key twice", "number keys"],
)
def test_a_map_with_text_keys_becomes_an_object_without_losing_values(tmp_path: Path, column: pa.Array, raw: list[bytes]):
    assert [row for _, row, _ in read(pa.table({"a": column}), tmp_path / "a.parquet")] == raw
