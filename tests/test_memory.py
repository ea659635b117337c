"""What is kept is bounded by its bytes, what is not kept is made again, what was read is let go, and what was freed is not in use."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.memory import Kept, _mallinfo, batches_of, live_bytes


def test_a_value_is_made_once_until_all_of_them_weigh_too_much():
    made: list[int] = []
    kept: Kept[int, str] = Kept(lambda key: made.append(key) or str(key), lambda key, value: 10, most=80)
    assert [kept[key] for key in (1, 2, 1, 2)] == ["1", "2", "1", "2"]
    assert made == [1, 2]
    assert [kept[key] for key in range(3, 10)] == list("3456789")
    assert len(kept) == 1  # the ninth began anew
    assert kept[1] == "1"
    assert made == [*range(1, 10), 1]


def test_what_would_take_an_eighth_by_itself_is_not_kept():
    kept: Kept[int, str] = Kept(lambda key: "x" * key, lambda key, value: key, most=80)
    assert (kept[11], kept[10]) == ("x" * 11, "x" * 10)
    assert list(kept) == [10]


def test_a_file_is_read_without_keeping_the_groups_that_were_read(tmp_path: Path):
    rows = pa.table({"text": [f"{i}" * 2000 for i in range(4096)], "number": range(4096)})
    pq.write_table(rows, tmp_path / "a.parquet", row_group_size=64, use_dictionary=False, compression="none")
    before, most, numbers = pa.total_allocated_bytes(), 0, []
    with pq.ParquetFile(tmp_path / "a.parquet") as file:
        for batch in batches_of(file, 50, ["text", "number"]):
            numbers += batch["number"].to_pylist()
            del batch
            most = max(most, pa.total_allocated_bytes() - before)
    assert numbers == list(range(4096))
    assert most < rows.nbytes / 8


@pytest.mark.skipif(_mallinfo() is None, reason="this C library does not say what is in use")
def test_what_was_freed_is_not_in_use_though_the_process_still_has_it():
    before = live_bytes()
    held = [bytearray(10_000) for _ in range(4_000)]
    last = held[-1]  # above all others, so that no allocator can give them back
    assert 40_000_000 < live_bytes() - before < 48_000_000
    del held
    assert live_bytes() - before < 8_000_000
    assert len(last) == 10_000


def test_a_c_library_that_does_not_tell_leaves_all_memory_without_arrows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipelines.memory._mallinfo", lambda: None)
    before = live_bytes()
    assert 10 << 20 < before < 1 << 40
    held = pa.allocate_buffer(1 << 26)  # of which nothing is written: the system has not given it yet
    assert live_bytes() < before - held.size / 2
