"""Statistics in the Delta log: bounds hold for every row, and what is too long for them has none."""

import io
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from pipelines.tables.schema import COLUMNS
from pipelines.tables.statistics import LONGEST, REFS, SEARCHED, WITH_STATISTICS, delta_statistics, values_in

KIND = pa.schema(
    [
        ("sample_id", pa.string()),
        ("num_tokens", pa.int32()),
        ("modified", pa.int64()),
        ("raw", pa.binary()),
        ("origin", pa.struct([("source", pa.string()), ("sha256", pa.string())])),
    ]
)


def footer(rows: list[dict[str, Any]], kind: pa.Schema = KIND, group: int = 1 << 20) -> pq.FileMetaData:
    footers: list[pq.FileMetaData] = []
    names = [name for name in WITH_STATISTICS if name.partition(".")[0] in kind.names]
    table = pa.Table.from_pylist(rows, kind)
    pq.write_table(table, io.BytesIO(), row_group_size=group, write_statistics=names, metadata_collector=footers)
    return footers[0]


def statistics(rows: list[dict[str, Any]], group: int = 1 << 20) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(delta_statistics(footer(rows, group=group)))
    return found


def test_bounds_and_nulls_are_those_of_all_row_groups():
    rows = [{"sample_id": name, "num_tokens": tokens} for name, tokens in (("b", 5), ("a", None), ("c", -3), (None, 7))]
    for group in (1, 2, 9):
        assert statistics(rows, group) == {
            "numRecords": 4,
            "minValues": {"sample_id": "a", "num_tokens": -3},
            "maxValues": {"sample_id": "c", "num_tokens": 7},
            "nullCount": {"sample_id": 1, "num_tokens": 1, "modified": 4},
        }


def test_a_file_without_rows_has_no_bounds():
    assert statistics([]) == {"numRecords": 0, "minValues": {}, "maxValues": {}, "nullCount": {}}


def test_a_text_that_is_too_long_has_no_bounds_and_its_nulls_are_counted():
    rows = [{"sample_id": "a" * LONGEST, "num_tokens": 1}, {"sample_id": None, "num_tokens": 2}]
    assert statistics(rows)["minValues"]["sample_id"] == "a" * LONGEST
    for longest in (LONGEST + 1, 100_000):  # of the last, Parquet itself keeps no bounds
        found = statistics([*rows, {"sample_id": "b" * longest}], group=1)
        assert ("sample_id" in found["minValues"], "sample_id" in found["maxValues"], found["nullCount"]["sample_id"]) == (False, False, 1)
        assert found["minValues"]["num_tokens"] == 1


def test_columns_within_others_have_no_statistics_even_if_their_name_is_searched():
    found = statistics([{"sample_id": "a", "origin": {"source": "kit", "sha256": "0"}}])
    assert sorted(found["nullCount"]) == ["modified", "num_tokens", "sample_id"]


def test_the_columns_that_readers_search_are_columns_of_the_tables():
    flat = {field.name for columns in COLUMNS.values() for field in columns if not pa.types.is_nested(field.type)}
    assert flat >= SEARCHED


TEXTS = st.one_of(st.none(), st.text(max_size=6), st.sampled_from(["\U0010ffff", "\uffff", "é", "e\u0301", "\x00", "z" * LONGEST, "z" * (LONGEST + 1)]))
NUMBERS = st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1))
ROWS = st.lists(
    st.fixed_dictionaries({"sample_id": TEXTS, "num_tokens": NUMBERS, "modified": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))}), max_size=12
)


@given(ROWS, st.integers(1, 5))
def test_bounds_hold_for_every_row(rows: list[dict[str, Any]], group: int):
    found = statistics(rows, group)
    assert found["numRecords"] == len(rows)
    for name, count in found["nullCount"].items():
        assert count == sum(row[name] is None for row in rows)
    assert found["minValues"].keys() == found["maxValues"].keys()
    for name in found["minValues"]:
        # By the bytes of their UTF-8, as Parquet, Spark and Delta order texts.
        values = [row[name].encode() if isinstance(row[name], str) else row[name] for row in rows if row[name] is not None]
        bounds = [found[bound][name] for bound in ("minValues", "maxValues")]
        assert [bound.encode() if isinstance(bound, str) else bound for bound in bounds] == [min(values), max(values)]
    for name in ("sample_id", "num_tokens", "modified"):
        values = [row[name] for row in rows if row[name] is not None]
        is_short = all(not isinstance(value, str) or len(value) <= LONGEST for value in values)
        assert (name in found["minValues"]) == bool(values and is_short) or not is_short


def test_references_of_drafts_are_counted_without_nulls():
    kind = pa.schema([("refs", pa.list_(pa.struct([("key", pa.string())]))), ("line", pa.int64())])
    rows = [{"refs": [{"key": "a"}, {"key": "b"}]}, {"refs": []}, {"refs": None}, {"refs": [{"key": None}, {"key": "c"}]}]
    assert [values_in(footer(rows, kind, group), REFS) for group in (1, 9)] == [3, 3]
    assert values_in(footer([], kind), REFS) == 0
    assert values_in(footer([{"line": 1}], pa.schema([("line", pa.int64())])), REFS) == 0
