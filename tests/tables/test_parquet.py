"""A Parquet file is read in bounded memory."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.tables.parquet import read_in_batches


def test_row_groups_are_released_once_they_are_read(tmp_path: Path):
    rows = pa.table({"text": [f"{i}" * 2000 for i in range(4096)], "number": range(4096)})
    pq.write_table(rows, tmp_path / "a.parquet", row_group_size=64, use_dictionary=False, compression="none")
    before, most, numbers = pa.total_allocated_bytes(), 0, []
    with pq.ParquetFile(tmp_path / "a.parquet") as file:
        for batch in read_in_batches(file, 50, ["text", "number"]):
            numbers += batch["number"].to_pylist()
            del batch
            most = max(most, pa.total_allocated_bytes() - before)
    assert numbers == list(range(4096))
    assert most < rows.nbytes / 8
