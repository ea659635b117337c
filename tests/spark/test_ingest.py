"""A run over a folder with tables, partitions, compressed files, and files that are not logs."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
import zstandard
from deltalake import write_deltalake

from tests.making import asked, configuration, write_lines

pytestmark = pytest.mark.spark


def test_a_run_over_a_folder_reads_every_log_below_it_and_lists_the_other_files(run_job, tmp_path: Path):
    logs, root = tmp_path / "in", tmp_path / "out"
    write_deltalake(str(logs / "table"), pa.Table.from_pylist([{"step": 1, **asked("q", "old")}]), partition_by=["step"])
    write_deltalake(str(logs / "table"), pa.Table.from_pylist([{"step": 2, **asked("q", "new")}]), partition_by=["step"], mode="overwrite")
    write_lines(logs / "episode_id=ep1" / "part-0", [asked("a")])
    (logs / "b.jsonl.zst").write_bytes(zstandard.compress(json.dumps(asked("b")).encode()))
    (logs / "c.json").write_text(json.dumps(asked("c"), indent=2))
    session = [(None, "user", "main"), ("0", "assistant", "Hello."), (None, "user", "side"), ("2", "assistant", "Hello.")]
    events = [
        {"type": role, "uuid": str(i), "parentUuid": parent, "sessionId": "ep2", "isSidechain": i > 1, "message": {"role": role, "content": text}}
        for i, (parent, role, text) in enumerate(session)
    ]
    write_lines(logs / "s.jsonl", events)
    (logs / "_SUCCESS").write_bytes(b"")
    (logs / "d.jsonl").write_text(json.dumps(asked("d")), encoding="utf-16")
    config = configuration(source={"path": str(logs)}, output={"root": str(root), "format": "parquet"}, gates={"max_quarantined": 1})
    result = run_job(config)
    assert (result.exit_code, result.books.states()["records"]) == (0, 6)
    rows = ds.dataset(root / "conversations", format="parquet", partitioning="hive").to_table().to_pylist()
    assert sorted((row["messages"][0]["content"], row["messages"][1]["content"], row["episode_id"] in ("ep1", "ep2")) for row in rows) == [
        ("a", "Hello.", True),
        ("b", "Hello.", False),
        ("c", "Hello.", False),
        ("main", "Hello.", True),
        ("q", "new", False),
        ("side", "Hello.", True),
    ]
    manifest = json.loads((root / "reports" / "2026-11-22" / "manifest.json").read_bytes())
    assert manifest["delta_sources"] == [{"source": "kit", "path": str(logs / "table"), "version": 1}]
    assert [(Path(passed["path"]).name[:8], passed["why"].partition(":")[0]) for passed in manifest["passed_over"]] == [
        ("_SUCCESS", "hidden"),
        ("part-000", f"not in version 1 of the Delta table {logs}/table"),
    ]
    (damaged,) = ds.dataset(root / "quarantine", format="parquet", partitioning="hive").to_table().to_pylist()
    assert (damaged["reason"], Path(damaged["origin"]["path"]).name) == ("file.encoding", "d.jsonl")
