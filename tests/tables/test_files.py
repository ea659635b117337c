"""The data files of a table, and rows of `runs` that older versions wrote."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema
from deltalake.transaction import create_table_with_add_actions
from pipelines.tables.delta_commit import add_missing_columns

from pipelines.tables.reading import last_run, open_files, run_rows, schema_of
from pipelines.tables.schema import COLUMNS, PARTITIONS
from pipelines.tables.writing import files_below


def test_files_are_listed_with_their_partition_unless_they_have_no_rows(tmp_path: Path):
    for name, rows in (("a.parquet", 2), ("split=train/b.parquet", 3), ("split=train/batch=n/c.parquet", 1), ("split=val/d.parquet", 0)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"x": list(range(rows))}), tmp_path / name)
    found = {part.name: part for part in files_below(tmp_path, "samples")}
    assert {name: (part.partition, part.rows, part.values()) for name, part in found.items()} == {
        "a.parquet": ("", 2, {}),
        "b.parquet": ("split=train", 3, {"split": "train"}),
        "c.parquet": ("split=train/batch=n", 1, {"split": "train", "batch": "n"}),
    }
    assert all(part.table == "samples" and part.bytes == next(tmp_path.rglob(name)).stat().st_size for name, part in found.items())


def test_runs_are_read_oldest_first_and_missing_columns_of_old_rows_get_defaults(tmp_path: Path):
    (tmp_path / "runs").mkdir()
    rows = [("b", 2, "redrive", 0.5), ("a", 2, None, None), ("c", 1, "batch", 0.25)]
    for run_id, hour, kind, share in rows:
        moment = datetime(2026, 11, 22, hour)
        table = pa.table(
            {
                "run_id": [run_id],
                "started": [moment],
                "finished": [moment],
                "kind": pa.array([kind], pa.string()),
                "quarantined_share": pa.array([share], pa.float64()),
            }
        )
        pq.write_table(table, tmp_path / "runs" / f"{run_id}.parquet")
    found = [(row["run_id"], row["kind"], row["quarantined_share"]) for row in run_rows(tmp_path)]
    assert found == [("c", "batch", 0.25), ("a", "batch", 0.0), ("b", "redrive", 0.5)]
    last = last_run(tmp_path)
    assert last is not None
    assert last["run_id"] == "b"
    assert last_run(tmp_path / "elsewhere") is None


def test_tables_of_an_older_version_get_the_columns_that_they_lack(tmp_path: Path):
    """The new columns are null in the old rows, whichever file a reader opens first."""
    folder = tmp_path / "samples"
    new = pa.schema(list(COLUMNS["samples"]))
    old = pa.schema([field for field in new if field.name != "turn_spans"])
    for name, schema in (("z-old", old), ("a-new", new)):
        place = folder / "dialect=d" / "split=train" / f"batch={name}" / f"{name}.parquet"
        place.parent.mkdir(parents=True)
        pq.write_table(pa.table({field.name: pa.nulls(1, field.type) for field in schema if field.name not in PARTITIONS["samples"]}), place)
    create_table_with_add_actions(str(folder), Schema.from_arrow(old), [], partition_by=PARTITIONS["samples"])
    add_missing_columns(folder)
    add_missing_columns(folder)
    assert (DeltaTable(str(folder)).version(), [field.name for field in DeltaTable(str(folder)).schema().fields if field.name not in old.names]) == (
        1,
        ["turn_spans"],
    )
    rows = open_files(tmp_path, "samples", [str(path) for path in folder.rglob("*.parquet")]).to_table()
    assert (rows.column_names, rows["batch"].to_pylist()) == (schema_of("samples").names, ["a-new", "z-old"])
