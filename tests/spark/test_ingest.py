"""A run over a folder with tables, partitions, compressed files, and files that are not logs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from deltalake import write_deltalake

from pipelines.reading import open_table
from pipelines.spark.plans import drafts
from pipelines.tables import writing
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
    config = configuration(source={"path": str(logs)}, output={"root": str(root)}, gates={"max_quarantined": 1})
    result = run_job(config)
    assert (result.exit_code, result.books.states()["records"]) == (0, 6)
    rows = open_table(root, "conversations").to_table().to_pylist()
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
    (damaged,) = open_table(root, "quarantine").to_table().to_pylist()
    assert (damaged["reason"], Path(damaged["origin"]["path"]).name) == ("file.encoding", "d.jsonl")


def test_a_large_compressed_file_is_read_by_one_task_and_normalized_by_many(run_job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """One reader cuts the file into records, a damaged end included, and the rows are those that it gives when it is small."""
    lines = b"".join(json.dumps(asked(f"{i}?")).encode() + b"\n" for i in range(400))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.jsonl.gz").write_bytes(gzip.compress(lines)[:-20])
    (tmp_path / "logs" / "b.jsonl").write_text(json.dumps(asked("small?")) + "\n")
    found = []
    for most in (drafts.CUT_BYTES, 1000):
        monkeypatch.setattr(drafts, "CUT_BYTES", most)
        monkeypatch.setattr(writing, "FILE_BYTES", 4096)
        monkeypatch.setattr(writing, "BATCH_ROWS", 16)
        root = tmp_path / f"out-{most}"
        result = run_job(configuration(source={"path": str(tmp_path / "logs")}, output={"root": str(root)}, gates={"max_quarantined": 1}))
        assert (result.exit_code, result.books.states()["damaged"]) == (0, 1)
        rows = [
            open_table(root, table).to_table().drop_columns(["run_id"] if table == "quarantine" else []).to_pylist()
            for table in ("conversations", "quarantine")
        ]
        found.append([sorted(map(repr, each)) for each in rows])
    assert found[0] == found[1]
    assert len(found[0][0]) > 100
