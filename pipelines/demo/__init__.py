"""The demo's input, generated: logs, screenshots and planted faults, with the same bytes every time."""

from __future__ import annotations

import gzip
import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.demo import gui, model, tools
from pipelines.demo.faults import Fault, gui_faults, line_of, tool_faults
from pipelines.demo.library import Library
from pipelines.reasons import Reason

GUI_EPISODES = 52
TOOL_EPISODES = 48
BATCH = "2026-11-22"

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """What `write_demo` wrote. `expected` has a row per planted fault: path, line, state, code, dialect, what."""

    episodes: int
    records: int
    screens: int
    expected: tuple[Record, ...]


def write_demo(folder: Path) -> Written:
    """Writes logs, screenshots, a model folder and expected.jsonl to `folder`, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    library = Library(folder / "screens")
    files = _gui_files(library) | _tool_files()
    expected: list[Record] = []
    records = 0
    for name, (good, faults) in files.items():
        lines, planted = _interleaved(good, faults)
        expected += [_expected_row(name, line, fault) for line, fault in planted]
        records += len(lines)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_file_bytes(name, lines))
    cut = f"tools/{BATCH}/cut.jsonl.gz"
    (folder / cut).write_bytes(_gzip(b"\n".join(line_of(tools.openai_talk(tools.talk(700 + i))) for i in range(3)))[:-12])
    model.write_model(folder / model.NAME)
    expected.append({"path": cut, "line": 0, "state": "damaged", "code": Reason.FILE_GZIP_TRUNCATED.code, "dialect": None, "what": "a .gz that was cut"})
    (folder / "expected.jsonl").write_bytes(b"".join(line_of(row) + b"\n" for row in expected))
    return Written(GUI_EPISODES + TOOL_EPISODES, records, len(list(library.folder.rglob("*.*"))), tuple(expected))


def _gui_files(library: Library) -> dict[str, tuple[list[bytes], list[Fault]]]:
    """GUI episodes in four files, one per format; the last episode has its images inside the records."""
    lines: dict[str, list[bytes]] = {name: [] for name in ("agentcpm", "sharegpt", "openai", "glm", "inline")}
    kinds = ("agentcpm", "agentcpm", "sharegpt", "openai", "glm")
    for episode in range(GUI_EPISODES - 1):
        kind = kinds[episode % len(kinds)]
        lines[kind] += [line_of(gui.FORMATS[kind](step)) for step in gui.gui_steps(library, episode, 6 + episode % 5)]
    for step in gui.gui_steps(library, GUI_EPISODES - 1, 4):
        media = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}[step["screen"].rpartition(".")[2]]
        lines["inline"].append(line_of(gui.inline_record(step, library.bytes_of(step["screen"]), media)))
    faults = gui_faults(library)
    return {
        f"gui/{BATCH}/phone_agentcpm.jsonl": (lines["agentcpm"], faults),
        f"gui/{BATCH}/sharegpt.json": (lines["sharegpt"], []),
        f"gui/{BATCH}/openai.jsonl.gz": (lines["openai"] + lines["inline"], []),
        f"gui/{BATCH}/glm.parquet": (lines["glm"], []),
    }


def _tool_files() -> dict[str, tuple[list[bytes], list[Fault]]]:
    talks = [tools.talk(seed) for seed in range(TOOL_EPISODES)]
    forms = {form: [line_of(make(talk)) for talk in talks[i :: len(tools.TALKS)]] for i, (form, make) in enumerate(tools.TALKS.items())}
    return {
        f"tools/{BATCH}/openai.jsonl": (forms["openai"], tool_faults()),
        f"tools/{BATCH}/sharegpt.json.gz": (forms["sharegpt"], []),
        f"tools/{BATCH}/glm.jsonl": (forms["glm"], []),
    }


def _interleaved(good: Sequence[bytes], faults: Sequence[Fault]) -> tuple[list[bytes], list[tuple[int, Fault]]]:
    """The good lines with the faults spread among them, and the 1-based line of each fault."""
    every = max(1, len(good) // (len(faults) + 1))
    lines: list[bytes] = []
    planted: list[tuple[int, Fault]] = []
    left = list(faults)
    for number, line in enumerate(good):
        lines.append(line)
        if left and number % every == every - 1:
            planted.append((len(lines) + 1, left[0]))
            lines.append(left.pop(0).line)
    for fault in left:
        planted.append((len(lines) + 1, fault))
        lines.append(fault.line)
    return lines, planted


def _expected_row(path: str, line: int, fault: Fault) -> Record:
    return {"path": path, "line": line, "state": fault.state, "code": fault.reason.code, "dialect": fault.dialect, "what": fault.what}


def _file_bytes(name: str, lines: Sequence[bytes]) -> bytes:
    if name.endswith(".parquet"):
        return _parquet([json.loads(line) for line in lines])
    data = b"[\n" + b",\n".join(lines) + b"\n]\n" if ".json." in f"{name}." and ".jsonl" not in name else b"\n".join(lines) + b"\n"
    return _gzip(data) if name.endswith(".gz") else data


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def _parquet(records: list[Record]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), out, compression="zstd")
    return out.getvalue()
