"""Published tables are read as of a run, whole batches only."""

from pathlib import Path

import pytest

from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.reading import (
    NotPublished,
    input_rows_of,
    last_run,
    open_files,
    open_table,
    published_snapshot,
    run_rows,
    schema_of,
    table_files,
    write_input_rows,
)
from tests.published import plan_rows, publish_rows, publish_run


def quarantined(*record_ids: str) -> dict[str, list[dict[str, str]]]:
    return {"quarantine": [{"record_id": record_id} for record_id in record_ids]}


@pytest.fixture
def root(tmp_path: Path) -> OutputRoot:
    """A root with batch mon."""
    root = OutputRoot(str(tmp_path))
    publish_rows(root, "r1", "mon", quarantined("m1", "m2"))
    return root


def record_ids(root: OutputRoot, row: dict | None = None) -> list[str]:
    return sorted(open_table(root.uri, "quarantine", row).to_table()["record_id"].to_pylist())


def test_a_root_without_runs_has_no_state(tmp_path: Path):
    assert run_rows(tmp_path) == []
    assert last_run(tmp_path) is None
    assert published_snapshot(tmp_path) == {}
    with pytest.raises(NotPublished, match="nothing is published under"):
        table_files(tmp_path, "samples")


def test_rows_of_runs_are_in_the_order_of_publication_whatever_the_clocks_say(root: OutputRoot):
    publish_rows(root, "r0", "tue", {}, hour=0, states=[("records", 4)], sources=[("kit", {"files": 1, "records": 4})])
    assert [(row["version"], row["run_id"], row["finished"].hour) for row in run_rows(root.uri)] == [(0, "r1", 1), (1, "r0", 0)]
    last = last_run(root.uri)
    assert last is not None
    assert (last["run_id"], last["states"], last["sources"]) == ("r0", {"records": 4}, {"kit": {"files": 1, "records": 4}})
    assert last["versions"] == {"conversations": 1, "samples": 1, "quarantine": 1, "images": 1}


def test_the_state_of_the_tables_is_their_versions(root: OutputRoot):
    assert published_snapshot(root.uri) == {"conversations": 0, "samples": 0, "quarantine": 0, "images": 0}
    publish_rows(root, "r2", "tue", quarantined("t1"))
    assert published_snapshot(root.uri) == {"conversations": 1, "samples": 1, "quarantine": 1, "images": 1}


def test_a_table_that_a_run_has_not_reached_is_given_by_its_files(root: OutputRoot):
    publish_run(root, plan_rows(root, "r2", "mon", quarantined("m3")), completed=False)
    files = [f"{root.uri}/quarantine/batch=mon/r2-0.parquet"]
    assert published_snapshot(root.uri) == {"conversations": [], "samples": [], "quarantine": files, "images": []}
    assert table_files(root.uri, "quarantine") == files
    assert record_ids(root) == ["m3"]


def test_a_table_can_be_read_as_of_an_earlier_run(root: OutputRoot):
    earlier = last_run(root.uri)
    publish_rows(root, "r2", "tue", quarantined("t1"))
    publish_rows(root, "r3", "mon", quarantined("m3"))
    assert record_ids(root) == ["m3", "t1"]
    assert record_ids(root, run_rows(root.uri)[1]) == ["m1", "m2", "t1"]
    assert record_ids(root, earlier) == ["m1", "m2"]


def test_a_table_has_its_partition_columns_as_text(root: OutputRoot):
    rows = open_table(root.uri, "quarantine").to_table().to_pylist()
    assert [{name: value for name, value in row.items() if value is not None} for row in rows] == [
        {"record_id": "m1", "batch": "mon"},
        {"record_id": "m2", "batch": "mon"},
    ]


def test_a_table_without_files_has_all_its_columns_and_no_row(root: OutputRoot):
    found = open_table(root.uri, "samples")
    assert (found.schema, found.count_rows()) == (schema_of("samples"), 0)


def test_columns_that_a_file_of_an_older_version_lacks_are_null_whichever_file_is_first(root: OutputRoot):
    old = plan_rows(root, "z-old", "b1", {"samples": [{"sample_id": "s", "dialect": "d", "split": "train"}]})
    new = plan_rows(root, "a-new", "b2", {"samples": [{"sample_id": "t", "num_tokens": 3, "dialect": "d", "split": "train"}]})
    files = [root.path("samples", file.path) for plan in (old, new) for file in plan.tables["samples"]]
    for paths in (files, files[::-1]):
        rows = open_files(root.uri, "samples", paths).to_table()
        assert (rows.column_names, rows["num_tokens"].to_pylist()) == (schema_of("samples").names, [None, 3])


def test_the_partition_columns_come_last():
    assert schema_of("conversations").names[-4:] == ["repairs", "findings", "split", "batch"]
    assert schema_of("samples").names[-4:] == ["findings", "dialect", "split", "batch"]
    assert [str(schema_of("samples").field(name).type) for name in ("dialect", "split", "batch")] == ["string", "string", "string"]
    assert schema_of("images").names[0] == "uri"


def test_the_input_files_of_a_run_lie_beside_the_table(root: OutputRoot):
    with pytest.raises(FileNotFoundError):
        input_rows_of(root, "r9")
    write_input_rows(root, "r9", [{"source": "kit", "path": "/logs/a.jsonl", "size": 3, "modified": 5, "sha256": "aa", "records": 2, "damaged": 1}])
    (row,) = input_rows_of(root, "r9")
    assert {name: value for name, value in row.items() if value is not None} == {
        "source": "kit",
        "path": "/logs/a.jsonl",
        "size": 3,
        "modified": 5,
        "sha256": "aa",
        "records": 2,
        "damaged": 1,
    }
