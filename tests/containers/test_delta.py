"""A Delta table as a source gives the rows of its newest version."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from pipelines.config import ConfigError, Limits, Source
from pipelines.containers import read_records
from pipelines.containers.listing import Listing, list_inputs
from pipelines.flow import draft_of
from pipelines.ledger.history import listed_ways
from pipelines.ledger.manifest import listed_facts
from tests.making import asked, configuration

OLD, NEW = asked("q", "WRONG old answer"), asked("q", "right answer")


def listing(*paths: Path | str) -> Listing:
    return list_inputs(Source(name="s", path=tuple(map(str, paths))), None)


def rows(found: Listing) -> list[Any]:
    return [json.loads(record.raw) for file in found.files for record in read_records(file, Limits())]


def write(folder: Path, made: list[dict[str, Any]], **how: Any) -> None:
    write_deltalake(str(folder), pa.Table.from_pylist(made), **how)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """In a folder with another log beside it: version 0 has the old answer, version 1 the new one."""
    write(tmp_path / "in" / "table", [OLD])
    write(tmp_path / "in" / "table", [NEW], mode="overwrite")
    (tmp_path / "in" / "a.jsonl").write_text(json.dumps(asked("other", "log")))
    return tmp_path / "in" / "table"


@pytest.mark.parametrize("path", ["", "*.parquet", "*", "../t*", "**/*.parquet"])
def test_only_the_files_of_the_newest_version_are_read(table: Path, path: str):
    found = listing(table / path)
    assert rows(found) == [NEW]
    assert listed_facts(found)["delta_sources"] == [{"source": "s", "path": str(table), "version": 1}]
    assert [passed.why for passed in found.passed_over] == [f"not in version 1 of the Delta table {table}"]


def test_a_table_below_the_sources_folder_is_read_as_the_table_it_is(table: Path):
    found = listing(table.parent)
    assert rows(found) == [asked("other", "log"), NEW]
    assert [at.version for at in found.tables] == [1]


def test_a_missing_file_of_the_table_is_a_damaged_file(table: Path):
    for path in table.glob("*.parquet"):
        path.unlink()
    (file,) = listing(table).files
    assert [(row.origin.line, row.findings[0].code) for row in read_records(file, Limits())] == [(0, "file.changed_while_reading")]


def test_a_table_without_rows_is_reported(tmp_path: Path):
    write(tmp_path / "t", [OLD])
    DeltaTable(str(tmp_path / "t")).delete()
    found = listing(tmp_path / "t")
    assert (found.files, [table.version for table in found.tables]) == ((), [1])


def test_partition_columns_are_in_each_row_with_their_types(tmp_path: Path):
    made = [{"v": 1, "step": 7, "name": "a b/c=ü%", "when": None}, {"v": 2, "step": None, "name": "x", "when": "now"}]
    table = pa.Table.from_pylist(made, pa.schema({"v": pa.int64(), "step": pa.int32(), "name": pa.string(), "when": pa.string()}))
    write_deltalake(str(tmp_path / "step=1" / "t"), table, partition_by=["step", "name", "when"])
    assert sorted(rows(listing(tmp_path)), key=lambda row: row["v"]) == made


def test_a_partition_column_is_the_episode(tmp_path: Path):
    write(tmp_path / "t", [{"episode_id": "ep1", **OLD}], partition_by=["episode_id"])
    config = configuration(source={"name": "s", "path": str(tmp_path / "t")})
    (file,) = listing(tmp_path / "t").files
    (raw,) = read_records(file, config.limits)
    assert draft_of(raw, config).episode_id == "ep1"


def test_a_partition_of_a_table_as_a_source_is_of_the_table_too(tmp_path: Path):
    write(tmp_path / "t", [{"day": 1, "v": "old"}, {"day": 2, "v": "two"}], partition_by=["day"])
    write(tmp_path / "t", [{"day": 1, "v": "new"}], mode="overwrite", predicate="day = 1")
    assert rows(listing(tmp_path / "t" / "day=1")) == [{"day": 1, "v": "new"}]


def test_a_published_row_is_found_again_in_its_file(tmp_path: Path):
    write(tmp_path / "x=1" / "t", [{"day": 1, "v": 2}], partition_by=["day"])
    (file,) = listing(tmp_path).files
    (raw,) = read_records(file, Limits())
    assert raw.raw == b'{"day":1,"v":2,"x":"1"}'
    assert raw in [record for way in listed_ways(file.path, "s") for record in read_records(way, Limits())]


def altered(table: Path, **rows: dict[str, Any]) -> None:
    """Its last commit with other values in these actions."""
    path = sorted((table / "_delta_log").glob("*.json"))[0]
    actions = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("\n".join(json.dumps({kind: body | rows.get(kind, {})}) for action in actions for kind, body in action.items()))


def features(*names: str) -> dict[str, Any]:
    return {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": list(names), "writerFeatures": list(names)}


DELETED = {"deletionVector": {"storageType": "i", "pathOrInlineDv": "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", "sizeInBytes": 40, "cardinality": 6}}
MAPPED = {"configuration": {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "1"}}


@pytest.mark.parametrize(
    "rows",
    [
        {"protocol": features("deletionVectors"), "add": DELETED},
        {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}, "metaData": MAPPED},
        {"protocol": features("typeWidening")},
        {"protocol": features("catalogManaged")},
        {"protocol": features("aFeatureOfTomorrow")},
        {"protocol": {"minReaderVersion": 9, "minWriterVersion": 9}},
        {"add": {"path": "s3://bucket/part-0.parquet"}},
    ],
    ids=["deletion vectors", "column mapping", "type widening", "catalog", "unknown", "version 9", "elsewhere"],
)
def test_a_table_with_unsupported_features_is_refused_in_one_sentence(tmp_path: Path, rows: dict[str, Any]):
    write(tmp_path / "t", [OLD])
    altered(tmp_path / "t", **rows)
    with pytest.raises(ConfigError) as refused:
        listing(tmp_path / "t")
    (sentence,) = refused.value.faults
    assert sentence.startswith(f"source s: the Delta table {tmp_path}/t ")


def test_a_log_without_a_commit_is_no_table_and_is_refused(tmp_path: Path):
    (tmp_path / "t" / "_delta_log").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"the Delta table .*/t cannot be read: .*No files in log segment"):
        listing(tmp_path)


@pytest.mark.parametrize("names", [("deletionVectors",), ("timestampNtz", "v2Checkpoint", "vacuumProtocolCheck")])
def test_a_feature_that_does_not_change_rows_is_accepted(tmp_path: Path, names: tuple[str, ...]):
    write(tmp_path / "t", [OLD])
    altered(tmp_path / "t", protocol=features(*names))
    assert rows(listing(tmp_path / "t")) == [OLD]


def test_a_table_that_names_an_unused_column_type_is_read(tmp_path: Path):
    """delta-rs names it in every table with the feature of deletion vectors."""
    write(tmp_path / "t", [OLD])
    altered(tmp_path / "t", protocol=features("deletionVectors", "variantType"))
    assert rows(listing(tmp_path / "t")) == [OLD]
