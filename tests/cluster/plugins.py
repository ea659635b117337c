"""A source whose format is a function of the user, which stands in a file of its own that only spark-submit knows."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.dataset as ds
from deltalake import DeltaTable

from tests.making import write_lines

CODE = """
def read(record):
    if record["say"] is None:
        raise ValueError("no answer")
    return {"messages": [{"role": "user", "content": record["ask"]}, {"role": "assistant", "content": record["say"]}]}
"""
PLUGIN_ROWS = {"conversations": [["Q0", "A0"], ["Q1", "A1"]], "quarantine": ["format.plugin_failed"]}


def plugin(folder: Path) -> tuple[Path, list[str]]:
    """(the module's file, the arguments of a job whose source has the module's function as its format)."""
    module = folder / "code" / "logs_of_ours.py"
    module.parent.mkdir()
    module.write_text(CODE)
    write_lines(folder / "in" / "a.jsonl", [*({"ask": f"Q{i}", "say": f"A{i}"} for i in range(2)), {"ask": "Q2", "say": None}])
    settings = {
        "sources": [{"name": "ours", "path": str(folder / "in"), "format": "logs_of_ours:read"}],
        "output": {"root": str(folder / "out")},
        "gates": {"max_quarantined": 1.0},
    }
    (folder / "conf.yaml").write_text(json.dumps(settings))
    return module, ["--config", str(folder / "conf.yaml"), "--batch", "2026-11-22"]


def plugin_rows(folder: Path) -> dict[str, list[list[str]] | list[str]]:
    """The texts of the conversations, and the reasons of the quarantined rows."""
    rows = {name: ds.dataset(DeltaTable(folder / "out" / name).file_uris()).to_table().to_pylist() for name in PLUGIN_ROWS}
    said = sorted([message["content"] for message in row["messages"]] for row in rows["conversations"])
    return {"conversations": said, "quarantine": [row["reason"] for row in rows["quarantine"]]}
