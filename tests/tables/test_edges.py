"""The files that are found below a table's folder."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.tables.writing import parts_below


def test_parts_are_named_with_their_partition_and_those_without_rows_are_none(tmp_path: Path):
    for name, rows in (("a.parquet", 2), ("split=train/b.parquet", 3), ("split=train/batch=n/c.parquet", 1), ("split=val/d.parquet", 0)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"x": list(range(rows))}), tmp_path / name)
    found = {part.name: part for part in parts_below(tmp_path, "samples")}
    assert {name: (part.partition, part.rows, part.values()) for name, part in found.items()} == {
        "a.parquet": ("", 2, {}),
        "b.parquet": ("split=train", 3, {"split": "train"}),
        "c.parquet": ("split=train/batch=n", 1, {"split": "train", "batch": "n"}),
    }
    assert all(part.table == "samples" and part.bytes == next(tmp_path.rglob(name)).stat().st_size for name, part in found.items())
