"""The values of a Parquet or Arrow row as JSON: text, bytes, times, maps, dictionaries and columns of folders."""

import datetime
import json
from typing import Any

import pyarrow as pa
import pytest

from pipelines.containers.chunks import Damaged
from pipelines.containers.rows import json_bytes, refuse_doubled, rows_as_json
from pipelines.reasons import Reason


def rows(columns: dict[str, pa.Array], **more: Any) -> list[Any]:
    return [json.loads(row) for row in rows_as_json(pa.record_batch(columns), more)]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("content", b"caf\xc3\xa9", "café"),
        ("episode_id", b"e", "e"),
        ("content", b"\xff", "/w=="),  # bytes that are no text
        ("bytes", b"caf\xc3\xa9", "Y2Fmw6k="),
        ("content", None, None),
    ],
)
def test_bytes_become_text_in_columns_of_text_and_base64_in_others(kind: pa.DataType, name: str, value: bytes | None, written: str | None):
    assert rows({name: pa.array([value], kind)}) == [{name: written}]
    nested = pa.array([[{name: value, "number": 1}]], pa.list_(pa.struct([(name, kind), ("number", pa.int64())])))
    assert rows({"turns": nested}) == [{"turns": [{name: written, "number": 1}]}]


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        (datetime.date(2026, 11, 22), pa.date32(), "2026-11-22"),
        (datetime.time(6, 7, 8), pa.time32("s"), "06:07:08"),
        (datetime.datetime(2026, 11, 22, 6, 7, 8), pa.timestamp("us"), "2026-11-22T06:07:08"),
        (1.5, pa.float64(), 1.5),
        (True, pa.bool_(), True),
        ("x", pa.dictionary(pa.int32(), pa.string()), "x"),
    ],
)
def test_a_value_of_another_type_becomes_the_nearest_json_value(value: Any, kind: pa.DataType, written: Any):
    array = pa.array([value]).dictionary_encode() if pa.types.is_dictionary(kind) else pa.array([value, None], kind)[:1]
    assert rows({"x": array}) == [{"x": written}]


def test_null_stays_null_in_every_type():
    kinds = [pa.date32(), pa.binary(), pa.map_(pa.string(), pa.int64()), pa.list_(pa.int64()), pa.struct([("a", pa.int64())])]
    for kind in kinds:
        assert rows({"x": pa.array([None], kind)}) == [{"x": None}]


def test_a_partition_column_fills_in_a_missing_or_null_value():
    batch = {"day": pa.array(["1", None]), "text": pa.array(["a", "b"])}
    assert rows(batch, day="2", lang="en") == [{"day": "1", "text": "a", "lang": "en"}, {"day": "2", "text": "b", "lang": "en"}]


def test_keys_are_sorted_and_there_are_no_spaces():
    assert json_bytes({"b": [1, 2], "a": {"d": "é", "c": None}}) == '{"a":{"c":null,"d":"é"},"b":[1,2]}'.encode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([("a", pa.int64()), ("b", pa.int64())], None),
        ([("a", pa.int64()), ("a", pa.int64())], "2 columns have the name 'a'"),
        ([("b", pa.int64()), ("a", pa.int64()), ("a", pa.int64()), ("a", pa.int64())], "3 columns have the name 'a'"),
        ([("x", pa.struct([("a", pa.int64()), ("a", pa.int64())]))], "2 columns have the name 'a'"),
        ([("x", pa.list_(pa.struct([("a", pa.int64()), ("a", pa.int64())])))], "2 columns have the name 'a'"),
        ([("x", pa.struct([("a", pa.int64())])), ("a", pa.int64())], None),
    ],
)
def test_a_file_with_two_columns_of_the_same_name_is_damaged(fields: list[tuple[str, pa.DataType]], words: str | None):
    made = [pa.field(name, kind) for name, kind in fields]
    if words is None:
        refuse_doubled(made, "a.parquet", Reason.FILE_CORRUPT)
        return
    with pytest.raises(Damaged) as caught:
        refuse_doubled(made, "a.parquet", Reason.FILE_CORRUPT)
    assert caught.value.finding.detail == words
