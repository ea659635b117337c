"""The corpus of shapes (tests/data/README.md) and its verdicts. `python -m tests.formats.shapes` writes them into the list of docs/formats.md."""

from __future__ import annotations

import json
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from pipelines.config import parse_config
from pipelines.console.formats_page import SHAPES
from pipelines.flow import open_flow
from pipelines.local import run_files
from pipelines.records import Conversation, Outcome, Quarantined
from tests.golden import DATA


def unpack(home: Path) -> Path:
    """The corpus' folder under `home`."""
    with tarfile.open(DATA / "shapes.tar.xz") as archive:
        archive.extractall(home, filter="data")
    return home / "shapes"


def cases(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return found


def outcomes_of(folder: Path, case: dict[str, Any]) -> list[Outcome]:
    source = {"name": "s", "path": str(folder / "cases"), "image_root": str(folder / "images")}
    config = parse_config({"sources": [source], "output": {"root": "out"}})
    return list(run_files(open_flow(config), [str(folder / "cases" / f"{case['name']}.{case['ext']}")]))


def verdict_of(outcomes: list[Outcome]) -> str:
    """The formats that read the records of a case, and the reasons that refuse others."""
    formats = {f"`{outcome.format}`" for outcome in outcomes if isinstance(outcome, Conversation)}
    reasons = {f"refused: `{outcome.findings[0].code}`" for outcome in outcomes if isinstance(outcome, Quarantined)}
    return ", ".join([*sorted(formats), *sorted(reasons)])


def verdicts(folder: Path) -> list[list[str]]:
    return [[case["name"], case["seen"], verdict_of(outcomes_of(folder, case))] for case in cases(folder)]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        rows = verdicts(unpack(Path(home)))
    SHAPES.write_text("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n", encoding="utf-8")
