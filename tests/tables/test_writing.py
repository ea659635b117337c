"""Every row is written once, in row groups and files of bounded size, and every reader can read them."""

from pathlib import Path
from random import Random
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.records import Origin, Span
from pipelines.tables import writing
from pipelines.tables.schema import ORIGIN, array_of, integer, struct, text
from pipelines.tables.writing import FileSet, FileWriter, placed
from tests.making import asked, configuration, run

SAMPLES = struct(
    sample_id=text, origin=ORIGIN, **{name: pa.list_(integer) for name in ("input_ids", "labels", "attention_mask", "position_ids")}, num_tokens=integer
)


def sample(number: int, length: int) -> dict[str, Any]:
    ids = np.arange(number, number + length, dtype=np.int32)
    origin = {"source": "kit", "path": "logs.jsonl", "line": number, "sha256": "0"}
    return {"sample_id": str(number), "origin": origin, "input_ids": ids, "labels": -ids, "num_tokens": length}


def written(folder: Path, lengths: list[int]) -> FileSet:
    parts = FileWriter(str(folder), "run-0-0", {"samples": SAMPLES})
    for number, length in enumerate(lengths):
        parts.add("samples", f"split={'train' if number % 3 else 'val'}", sample(number, length), 16 * length)
    return FileSet(str(folder), parts.close())


def test_every_row_is_written_once_with_its_mask_and_positions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writing, "BATCH_ROWS", 5)
    monkeypatch.setattr(writing, "GROUP_BYTES", 4000)
    monkeypatch.setattr(writing, "HELD_BYTES", 6000)
    monkeypatch.setattr(writing, "FILE_BYTES", 30_000)
    lengths = [Random(3).randrange(1, 90) for _ in range(400)]
    files = written(tmp_path, lengths)
    assert len(files.files) > 4
    assert sum(file.rows for file in files.files) == 400
    assert all(Path(path).stat().st_size == file.bytes for path, file in files.of("samples"))
    rows = [row for path, _ in files.of("samples") for row in pq.ParquetFile(path).read().to_pylist()]
    assert sorted(int(row["sample_id"]) for row in rows) == list(range(400))
    for row in rows:
        number, length = int(row["sample_id"]), row["num_tokens"]
        assert row["input_ids"] == list(range(number, number + length))
        assert row["labels"] == [-i for i in row["input_ids"]]
        assert row["attention_mask"] == [1] * length
        assert row["position_ids"] == list(range(length))


def test_named_tuples_and_dicts_give_the_same_column():
    kind = struct(origin=ORIGIN, spans=pa.list_(struct(start=integer, end=integer)), ids=pa.list_(integer), name=text)
    row = {"origin": Origin("kit", "a", 1, "0"), "spans": (Span(1, 2), Span(3, 4)), "ids": np.array([5, 6], dtype=np.int32), "name": "x"}
    nouns = [row, row | {"origin": None, "spans": None, "ids": None, "name": None}, None, row | {"spans": (), "ids": np.array([], dtype=np.int32)}]
    spans = [{"start": 1, "end": 2}, {"start": 3, "end": 4}]
    plain = {"origin": {"source": "kit", "path": "a", "line": 1, "sha256": "0"}, "spans": spans, "ids": [5, 6], "name": "x"}
    assert array_of(nouns, kind).to_pylist() == [plain, dict.fromkeys(plain), None, plain | {"spans": [], "ids": []}]
    for nothing in ([], [None, None]):
        assert array_of(nothing, kind).to_pylist() == nothing


def test_duckdb_reads_the_files_too(tmp_path: Path):
    files = written(tmp_path, [3, 4, 5])
    paths = [str(path) for path, _ in files.of("samples")]
    found = duckdb.sql(
        "select sum(list_sum(input_ids)), sum(list_sum(position_ids)), sum(len(attention_mask)) from read_parquet($1)", params=[paths]
    ).fetchall()
    assert found == [(sum(n + i for n, length in enumerate([3, 4, 5]) for i in range(length)), 3 + 6 + 10, 12)]


def test_the_weight_of_a_row_with_dropped_turns_includes_its_conversation():
    config = configuration("glm_4", options={"max_tokens": 64, "on_overflow": "drop_turns"})
    record = asked()
    record["messages"] = [*asked(answer="word " * 50_000)["messages"], *record["messages"]]
    long, shortened = (placed(outcome, "batch", "run", config.split) for outcome in run(record, config))
    short, _ = (placed(outcome, "batch", "run", config.split) for outcome in run(asked(), config))
    assert (long[0], shortened[0]) == ("conversations", "samples")
    assert shortened[3] > long[3] > 100 * short[3]
