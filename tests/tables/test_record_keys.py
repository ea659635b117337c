"""Which records other batches have published, looked up by key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.records import raw_record
from pipelines.tables import record_keys
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.record_keys import FOLDER, find_published, keys_of
from tests.making import asked, configuration, write_lines
from tests.published import publish

HELD = ("record.superseded",)


def night(folder: Path, batch: str, *questions: str, run_id: str = "") -> list[str]:
    """Publishes a batch with these questions, and returns the ids of its records."""
    logs = write_lines(folder / f"{batch}.jsonl", [asked(question) for question in questions])
    publish(folder / "out", configuration(), logs, run_id or f"{batch}.1", 1, batch=batch)
    return ids(*questions)


def ids(*questions: str) -> list[str]:
    return [raw_record("kit", "", 1, json.dumps(asked(question), ensure_ascii=False).encode()).record_id for question in questions]


def found(folder: Path, batch: str, record_ids: list[str], name: str = "now") -> dict[str, tuple[str, int]]:
    root = OutputRoot(str(folder / "out"))
    keys = keys_of([pa.array(record_ids, pa.string())])
    rows = find_published(root, root.runs(), batch, keys, name, HELD).to_pylist()
    return {row["record_id"]: (row["batch"], row["line"]) for row in rows}


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "out" / FOLDER).glob("*"))


def test_a_record_is_found_in_the_first_other_batch_that_has_it(tmp_path: Path):
    one, two = night(tmp_path, "n1", "One?", "Two?")
    night(tmp_path, "n2", "Two?", "Three?")
    new = ids("New?")
    assert found(tmp_path, "n3", [one, two, *new]) == {one: ("n1", 1), two: ("n1", 2)}
    assert found(tmp_path, "n1", [one, two]) == {two: ("n2", 1)}
    assert found(tmp_path, "n3", []) == found(tmp_path, "n3", new) == {}


def test_only_the_newest_run_of_a_batch_counts(tmp_path: Path):
    (one,) = night(tmp_path, "n1", "One?")
    assert found(tmp_path, "n2", [one]) == {one: ("n1", 1)}
    (two,) = night(tmp_path, "n1", "Two?", run_id="n1.2")
    assert found(tmp_path, "n2", [one, two], "later") == {two: ("n1", 1)}


def test_what_somebody_deleted_from_the_tables_is_not_found(tmp_path: Path):
    one, two = night(tmp_path, "n1", "One?", "Two?")
    assert found(tmp_path, "n2", [one, two]) == {one: ("n1", 1), two: ("n1", 2)}
    DeltaTable(str(tmp_path / "out" / "conversations")).delete(f"record_id = '{one}'")
    assert found(tmp_path, "n2", [one, two]) == {two: ("n1", 2)}


def test_lost_files_of_keys_are_made_again(tmp_path: Path):
    (one,) = night(tmp_path, "n1", "One?")
    assert found(tmp_path, "n2", [one]) == {one: ("n1", 1)}
    (tmp_path / "out" / FOLDER / "now.keys").unlink()
    assert found(tmp_path, "n2", [one], "again") == {one: ("n1", 1)}
    assert files(tmp_path) == ["again.keys"]


def test_the_keys_of_a_run_are_read_from_the_tables_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    one, *_ = night(tmp_path, "n1", "One?", "Two?")
    assert found(tmp_path, "n2", ids("New?")) == {}
    monkeypatch.setattr(record_keys, "_published_keys", None)
    assert found(tmp_path, "n2", [one]) == {one: ("n1", 1)}
    assert files(tmp_path) == ["now.keys"]


def test_sixteen_files_of_one_size_become_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(record_keys, "MERGED", 3)
    most, records = 0, []
    for number in range(12):
        records += night(tmp_path, f"n{number:02}", f"Question {number}?")
        assert len(found(tmp_path, "other", records, f"run{number}")) == number + 1
        most = max(most, len(files(tmp_path)))
    assert most <= 5
    assert found(tmp_path, "n03", records, "last").keys() == set(records) - {records[3]}


@settings(deadline=None)
@given(st.sets(st.integers(0, 2**64 - 1), min_size=1, max_size=50), st.sets(st.integers(0, 2**64 - 1), max_size=50), st.booleans())
def test_a_key_is_found_if_and_only_if_it_is_there(wanted: set[int], others: set[int], both: bool):
    keys = np.array(sorted(others | set(list(wanted)[:both])), dtype=np.uint64)
    assert record_keys._lookup(np.array(sorted(wanted), dtype=np.uint64))(keys).tolist() == [key in wanted for key in keys.tolist()]


def test_keys_are_sorted_and_each_is_there_once():
    made: Any = keys_of([pa.array(["ff" * 32, "00" * 32]), pa.array(["ff" * 8 + "00" * 24])])
    assert made.tolist() == [0, 2**64 - 1]
    assert keys_of([]).tolist() == []
