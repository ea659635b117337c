"""Published tables without Spark and Delta Lake, compared with what deltalake reads."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from pipelines.training.tables import NotPublished, open_root
from tests.training.publishing import run_row, write_rows, write_runs

PARTITIONS = ["dialect", "split", "batch"]


def sample(name: str, batch: str = "b1", split: str = "train", dialect: str = "glm_4", **more) -> dict:
    return {"sample_id": name, "input_ids": [1, 2], "dialect": dialect, "split": split, "batch": batch} | more


def append(root: Path, *rows: dict, mode: str = "append") -> None:
    write_deltalake(str(root / "samples"), pa.Table.from_pylist(list(rows)), partition_by=PARTITIONS, mode=mode, schema_mode="merge")


def names(root: Path, **where) -> list[str]:
    return [row["sample_id"] for row in open_root(root).rows("samples", **where)]


@pytest.fixture
def nights(tmp_path: Path) -> Path:
    """A Delta root with two published nights, and a third commit that no run names yet."""
    append(tmp_path, sample("a"), sample("b", split="val"), sample("c", dialect="glm_4v"))
    append(tmp_path, sample("d", batch="b 2%", turn_spans=[{"start": 0}]))
    append(tmp_path, sample("e", batch="b3"))
    write_runs(tmp_path, [run_row("b1", 1, versions={"samples": 0}), run_row("b 2%", 2, versions={"samples": 1}, settings={"image_roots": {}})])
    return tmp_path


def test_rows_are_those_of_the_version_that_the_newest_run_names(nights: Path):
    assert open_root(nights).batches == ("b 2%", "b1")
    assert sorted(names(nights)) == ["a", "b", "c", "d"]


def test_rows_are_chosen_by_dialect_split_and_batch(nights: Path):
    assert names(nights, dialect="glm_4v") == ["c"]
    assert names(nights, split="val", batch="b1") == ["b"]
    assert names(nights, batch="b 2%") == ["d"]
    assert names(nights, dialect="nothing") == []
    with pytest.raises(NotPublished, match=r"batch b3 is not published .* published are b 2%, b1"):
        names(nights, batch="b3")


def test_rows_carry_the_partition_columns_as_text(nights: Path):
    row = next(open_root(nights).rows("samples", batch="b 2%"))
    assert {name: row[name] for name in PARTITIONS} == {"dialect": "glm_4", "split": "train", "batch": "b 2%"}


def test_a_column_that_a_file_lacks_is_null(nights: Path):
    published = open_root(nights)
    rows = list(published.rows("samples", split="train", dialect="glm_4", columns=["split", "turn_spans", "sample_id"]))
    assert rows == [
        {"split": "train", "turn_spans": [{"start": 0}], "sample_id": "d"},
        {"split": "train", "turn_spans": None, "sample_id": "a"},
    ]
    table = published.table("samples", split="train", dialect="glm_4", columns=["split", "turn_spans", "sample_id"])
    assert table.to_pylist() == rows
    assert published.table("samples", columns=["loss_weight"]).to_pylist() == [{"loss_weight": None}] * 4


def test_a_table_equals_what_deltalake_reads(nights: Path):
    ours = open_root(nights).table("samples").sort_by("sample_id")
    theirs = pa.table(DeltaTable(str(nights / "samples"), version=1).to_pyarrow_table()).sort_by("sample_id")
    assert sorted(ours.column_names) == sorted(theirs.column_names)
    assert ours.select(theirs.column_names).to_pylist() == theirs.to_pylist()


def test_an_empty_choice_is_an_empty_table_with_the_same_columns(nights: Path):
    published = open_root(nights)
    empty = published.table("samples", dialect="nothing")
    assert (empty.num_rows, set(empty.column_names)) == (0, set(published.table("samples").column_names))


def test_replaced_files_are_gone_and_a_checkpoint_serves_when_commits_are_deleted(tmp_path: Path):
    append(tmp_path, sample("a"), sample("b", split="val"))
    append(tmp_path, sample("c"), mode="overwrite")
    DeltaTable(str(tmp_path / "samples")).create_checkpoint()
    append(tmp_path, sample("d"))
    write_runs(tmp_path, [run_row("b1", versions={"samples": 2})])
    assert sorted(names(tmp_path)) == ["c", "d"]
    log = tmp_path / "samples" / "_delta_log"
    (log / f"{0:020}.json").unlink()
    (log / f"{1:020}.json").unlink()
    assert sorted(names(tmp_path)) == ["c", "d"]
    write_runs(tmp_path, [run_row("b1", 2, versions={"samples": 0})])
    with pytest.raises(NotPublished, match="version 0 cannot be read any more"):
        names(tmp_path)


def test_a_version_that_the_log_does_not_reach_is_an_error(nights: Path):
    write_runs(nights, [run_row("b9", 9, versions={"samples": 7})])
    with pytest.raises(NotPublished, match="version 7 is not in the log, whose newest version is 2"):
        names(nights)


@pytest.mark.parametrize(
    "action, message",
    [
        ({"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["typeWidening"]}}, "typeWidening"),
        ({"protocol": {"minReaderVersion": 4, "minWriterVersion": 7}}, "newer protocol"),
        ({"metaData": {"configuration": {"delta.columnMapping.mode": "name"}}}, "maps its columns"),
        ({"add": {"path": "x.parquet", "partitionValues": {}, "deletionVector": {"storageType": "u"}}}, "deletion vector"),
        ({"add": {"path": "../x.parquet", "partitionValues": {}}}, "outside the table's folder"),
        ({"add": {"path": "s3://b/x.parquet", "partitionValues": {}}}, "outside the table's folder"),
    ],
)
def test_what_needs_a_real_delta_reader_is_one_clear_error(nights: Path, action: dict, message: str):
    (nights / "samples" / "_delta_log" / f"{3:020}.json").write_text(json.dumps(action))
    write_runs(nights, [run_row("b1", 9, versions={"samples": 3})])
    with pytest.raises(NotPublished, match=message):
        names(nights)


def test_runs_may_be_a_delta_table_too(nights: Path):
    runs = pa.concat_tables([pq.read_table(file) for file in sorted((nights / "runs").glob("*.parquet"))])
    for file in (nights / "runs").glob("*.parquet"):
        file.unlink()
    (nights / "runs" / "_delta_log").mkdir()
    with pytest.raises(NotPublished, match="nothing is published"):
        open_root(nights)
    (nights / "runs" / "_delta_log").rmdir()
    write_deltalake(str(nights / "runs"), runs)
    assert sorted(names(nights)) == ["a", "b", "c", "d"]
    assert [row["run_id"] for row in open_root(nights).runs] == ["b1-1", "b 2%-2"]


def test_settings_are_those_of_the_newest_run_and_empty_in_older_roots(nights: Path):
    published = open_root(nights)
    assert published.settings() == published.settings("b 2%") == {"image_roots": {}}
    assert published.settings("b1") == {}
    with pytest.raises(NotPublished, match="batch x"):
        published.settings("x")


def test_parquet_tables_are_read_by_the_list_of_files_even_while_a_publication_sets_some_aside(tmp_path: Path):
    kept, old = "samples/dialect=glm_4/split=train/batch=b1/a.parquet", "samples/dialect=glm_4/split=val/batch=b1/b.parquet"
    for name in (kept, f"_old/run/{old}", "samples/dialect=glm_4/split=train/batch=b1/not-yet.parquet"):
        write_rows(tmp_path, name, [{"sample_id": name}])
    write_runs(tmp_path, [run_row("b1", files={"samples": [old, kept]})])
    rows = list(open_root(tmp_path).rows("samples"))
    assert [(row["sample_id"], row["split"], row["batch"]) for row in rows] == [(kept, "train", "b1"), (f"_old/run/{old}", "val", "b1")]
    (tmp_path / kept).unlink()
    with pytest.raises(NotPublished, match="is gone"):
        names(tmp_path)


def test_what_is_not_there_is_said(tmp_path: Path, nights: Path):
    with pytest.raises(NotPublished, match="no such folder"):
        open_root(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotPublished, match="nothing is published"):
        open_root(tmp_path / "empty")
    with pytest.raises(NotPublished, match="published no table conversations; it has samples"):
        list(open_root(nights).rows("conversations"))
