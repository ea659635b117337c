"""Inputs that would not fit into memory: a JSON array of gigabytes, records of hundreds of megabytes, millions of image references."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import orjson
from PIL import Image

from pipelines.config import Config, parse_config
from pipelines.demo.tools import TALKS
from tests.bench import ours, spark_job
from tests.bench.words import prose
from tests.bench.workload import talk

KINDS = 200  # of long conversations, which the array has in turn, each under an id of its own
LARGE = 5
SCREENS = 1000
REFERENCES_A_RECORD = 64


class Sizes(NamedTuple):
    array_bytes: int = 2 << 30
    record_bytes: int = 200 << 20
    references: int = 10_000_000


def figures(folder: Path, sizes: Sizes) -> dict[str, Any]:
    """For each input: its records, the largest Python process in MB, and the seconds from command to published tables."""
    inputs: dict[str, Callable[[Path, Sizes], Config]] = {"array": _array, "large_records": _large_records, "references": _references}
    found: dict[str, Any] = {}
    for name, make in inputs.items():
        (folder / name).mkdir()
        cost = spark_job.run(make(folder / name, sizes), "bench")
        found[name] = {"records": cost.records, "python_mb": round(cost.python_mb), "wall_s": round(cost.wall)}
    return found


def _array(folder: Path, sizes: Sizes) -> Config:
    """One file that cannot be split."""
    forms = list(TALKS.values())
    made = [orjson.dumps(forms[i % len(forms)](_long(i))) for i in range(KINDS)]
    written = number = 0
    with open(folder / "logs.json", "wb") as file:
        while written < sizes.array_bytes:
            record = made[number % KINDS].replace(b'"id":"bench-', b'"id":"%d-' % number, 1)
            written += file.write(b"[" if number == 0 else b",\n") + file.write(record)
            number += 1
        file.write(b"]")
    return ours.settings(folder / "logs.json", folder / "root")


def _long(seed: int) -> dict[str, Any]:
    one = talk(seed)
    random = Random(f"long:{seed}")
    for turn in one["rounds"]:
        turn["question"] += " " + prose(random, 3000, False)
    return one


def _large_records(folder: Path, sizes: Sizes) -> Config:
    """Records over limits.line_bytes, which are quarantined, among ordinary ones."""
    block = b"words " * (1 << 17)
    with open(folder / "logs.jsonl", "wb") as file:
        for number in range(LARGE):
            file.write(orjson.dumps(TALKS["openai"](talk(number))) + b'\n{"messages":[{"role":"user","content":"')
            for _ in range(sizes.record_bytes // len(block)):
                file.write(block)
            file.write(b'"},{"role":"assistant","content":"Yes."}]}\n')
    return ours.settings(folder / "logs.jsonl", folder / "root", gates={"max_quarantined": 1})


def _references(folder: Path, sizes: Sizes) -> Config:
    """Records with as many images as are allowed, taken from the same thousand files."""
    (folder / "screens").mkdir()
    names = [f"{number:04d}.png" for number in range(SCREENS)]
    for number, name in enumerate(names):
        Image.new("RGB", (64, 64), (number % 256, number // 256, 0)).save(folder / "screens" / name)
    random = Random(0)
    with open(folder / "logs.jsonl", "wb") as file:
        for number in range(sizes.references // REFERENCES_A_RECORD):
            question = {"role": "user", "content": "<image>" * REFERENCES_A_RECORD + f"What changed, {number}?"}
            messages = [question, {"role": "assistant", "content": "Nothing."}]
            file.write(orjson.dumps({"id": str(number), "messages": messages, "images": random.choices(names, k=REFERENCES_A_RECORD)}) + b"\n")
    source = {"name": "bench", "path": str(folder / "logs.jsonl"), "image_root": str(folder / "screens")}
    return parse_config({"sources": [source], "dialects": [], "output": {"root": str(folder / "root")}})
