"""The memory that a line takes does not depend on its length."""

from pathlib import Path

import pytest

from tests.fuzz.memory import GIGABYTE, line_bomb, ordinary, peak


@pytest.mark.long
def test_a_line_of_1_gb_in_a_small_gz_takes_less_than_100_mb_more_than_an_ordinary_log(tmp_path: Path):
    bomb = line_bomb(tmp_path / "bomb.jsonl.gz", GIGABYTE)
    assert bomb.stat().st_size < 8 << 20
    normal = peak([ordinary(tmp_path / "ordinary.jsonl", 1 << 20)], tmp_path)
    found = peak([bomb], tmp_path)
    assert found["outcomes"] == 3  # two conversations, and the line in quarantine
    assert found["worker_mb"] < normal["worker_mb"] + 100
