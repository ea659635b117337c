"""The data files of a table, and rows of `runs` that older versions wrote."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.tables.reading import last_run, run_rows
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
