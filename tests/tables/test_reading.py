"""Published tables are read as the rows of `runs` name them: Parquet files by path, Delta tables by version."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from pipelines.tables.reading import (
    NotPublished,
    count_rows,
    current_path,
    files_of_version,
    has_commits,
    last_run,
    newest_commit,
    open_table,
    published_snapshot,
    run_rows,
    schema_of,
    table_files,
)
from pipelines.training.delta_log import is_delta

RUN = {
    "run_id": "r1",
    "kind": "batch",
    "quarantined_share": 0.0,
    "versions": None,
    "files": None,
    "started": datetime(2026, 11, 22),
    "finished": datetime(2026, 11, 22),
}
KINDS = {"versions": pa.map_(pa.string(), pa.int64()), "files": pa.map_(pa.string(), pa.list_(pa.string()))}


def run_table(**values: Any) -> pa.Table:
    row = RUN | values
    return pa.table({name: pa.array([value], KINDS.get(name)) for name, value in row.items()})


def write_run(root: Path, **values: Any) -> None:
    (root / "runs").mkdir(parents=True, exist_ok=True)
    pq.write_table(run_table(**values), root / "runs" / f"{values.get('run_id', 'r1')}.parquet")


def images(*uris: str) -> pa.Table:
    return pa.table({"uri": list(uris)})


def quarantined(batch: str, *record_ids: str) -> pa.Table:
    return pa.table({"record_id": list(record_ids), "batch": [batch] * len(record_ids)})


@pytest.fixture
def parquet_root(tmp_path: Path) -> Path:
    """A root whose last run names one file of images and one of quarantined records."""
    for name in ("images/a.parquet", "quarantine/batch=mon/q.parquet"):
        (tmp_path / name).parent.mkdir(parents=True)
    pq.write_table(images("one", "two"), tmp_path / "images" / "a.parquet")
    pq.write_table(pa.table({"record_id": ["r"]}), tmp_path / "quarantine" / "batch=mon" / "q.parquet")
    write_run(tmp_path, files={"images": ["images/a.parquet"], "quarantine": ["quarantine/batch=mon/q.parquet"], "samples": []})
    return tmp_path


@pytest.fixture
def delta_root(tmp_path: Path) -> Path:
    """A root of Delta tables. Version 0 of quarantine has batch mon, version 1 also has tue; the last run names version 0."""
    write_deltalake(str(tmp_path / "quarantine"), quarantined("mon", "m1", "m2"), partition_by=["batch"])
    write_deltalake(str(tmp_path / "quarantine"), quarantined("tue", "t1"), mode="append")
    write_deltalake(str(tmp_path / "runs"), run_table(versions={"quarantine": 0}))
    return tmp_path


def test_a_folder_is_a_delta_table_if_it_has_a_log_and_the_table_exists_after_its_first_commit(tmp_path: Path):
    assert (is_delta(tmp_path), has_commits(tmp_path), newest_commit(tmp_path)) == (False, False, (-1, {}))
    (tmp_path / "_delta_log").mkdir()
    assert (is_delta(tmp_path), has_commits(tmp_path), newest_commit(tmp_path)) == (True, False, (-1, {}))
    write_deltalake(str(tmp_path), images("one"))
    assert (is_delta(tmp_path), has_commits(tmp_path)) == (True, True)


def test_the_newest_commit_of_a_delta_table_has_the_highest_version(delta_root: Path):
    version, info = newest_commit(delta_root / "quarantine")
    assert (version, info["operationParameters"]["mode"]) == (1, "Append")


def test_a_version_of_a_delta_table_has_the_files_of_all_batches_or_of_one(delta_root: Path):
    folder = delta_root / "quarantine"

    def batches(version: int, batch: str | None = None) -> list[str]:
        return sorted(Path(file).relative_to(folder).parts[0] for file in files_of_version(folder, version, batch))

    assert batches(0) == ["batch=mon"]
    assert batches(1) == ["batch=mon", "batch=tue"]
    assert batches(1, "tue") == ["batch=tue"]
    assert batches(1, "wed") == []


def test_a_root_without_runs_has_no_state(tmp_path: Path):
    assert run_rows(tmp_path) == []
    assert last_run(tmp_path) is None
    assert published_snapshot(tmp_path) == {}
    with pytest.raises(NotPublished, match="nothing was published under"):
        table_files(tmp_path, "samples")
    (tmp_path / "runs" / "_delta_log").mkdir(parents=True)  # a writer was killed before its first commit
    assert run_rows(tmp_path) == []


def test_runs_in_a_delta_table_are_read_like_those_in_parquet_files(delta_root: Path):
    assert [(row["run_id"], row["versions"], row["files"]) for row in run_rows(delta_root)] == [("r1", {"quarantine": 0}, None)]


def test_the_state_of_parquet_tables_is_their_files(parquet_root: Path):
    assert published_snapshot(parquet_root) == {
        "images": [f"{parquet_root}/images/a.parquet"],
        "quarantine": [f"{parquet_root}/quarantine/batch=mon/q.parquet"],
        "samples": [],
    }
    assert table_files(parquet_root, "images") == [f"{parquet_root}/images/a.parquet"]


def test_the_state_of_delta_tables_is_their_versions(delta_root: Path):
    assert published_snapshot(delta_root) == {"quarantine": 0}
    assert table_files(delta_root, "quarantine") == files_of_version(delta_root / "quarantine", 0)


def test_a_table_can_be_read_as_an_earlier_run_named_it(delta_root: Path):
    earlier = last_run(delta_root)
    write_deltalake(str(delta_root / "runs"), run_table(run_id="r2", versions={"quarantine": 1}, finished=datetime(2026, 11, 23)), mode="append")
    assert open_table(delta_root, "quarantine").to_table()["record_id"].to_pylist() == ["m1", "m2", "t1"]
    assert open_table(delta_root, "quarantine", earlier).to_table()["record_id"].to_pylist() == ["m1", "m2"]


def test_a_table_that_the_run_did_not_publish_is_named_with_those_that_it_did(parquet_root: Path):
    with pytest.raises(NotPublished, match="run r1 published no table conversations; it has images, quarantine, samples"):
        table_files(parquet_root, "conversations")


def said(root: Path, table: str) -> list[dict[str, Any]]:
    """The rows of this table, without their nulls."""
    rows = open_table(root, table).to_table().to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def test_a_table_has_its_partition_columns_as_text(parquet_root: Path):
    assert said(parquet_root, "quarantine") == [{"record_id": "r", "batch": "mon"}]


def test_a_table_without_files_has_all_its_columns_and_no_row(parquet_root: Path):
    found = open_table(parquet_root, "samples")
    assert (found.schema, found.count_rows()) == (schema_of("samples"), 0)


def test_the_partition_columns_come_last(tmp_path: Path):
    assert schema_of("conversations").names[-4:] == ["repairs", "findings", "split", "batch"]
    assert schema_of("samples").names[-4:] == ["findings", "dialect", "split", "batch"]
    assert [str(schema_of("samples").field(name).type) for name in ("dialect", "split", "batch")] == ["string", "string", "string"]
    assert schema_of("images").names[0] == "uri"


def test_a_file_that_a_publication_set_aside_is_found(tmp_path: Path):
    assert current_path(tmp_path, "images/a.parquet") == f"{tmp_path}/images/a.parquet"  # where it belongs, if it is nowhere
    (tmp_path / "_old" / "r2" / "images").mkdir(parents=True)
    (tmp_path / "_old" / "r2" / "images" / "a.parquet").write_bytes(b"")
    assert current_path(tmp_path, "images/a.parquet") == f"{tmp_path}/_old/r2/images/a.parquet"
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.parquet").write_bytes(b"")
    assert current_path(tmp_path, "images/a.parquet") == f"{tmp_path}/images/a.parquet"


def test_rows_are_counted_over_all_files(tmp_path: Path):
    for name, rows in (("a", 2), ("b", 3)):
        pq.write_table(images(*["x"] * rows), tmp_path / name)
    assert count_rows([f"{tmp_path}/a", f"{tmp_path}/b"]) == 5
    assert count_rows([]) == 0
