"""python -m tests.bench.plan: what `episodes plan` costs, and how often its intervals hold the true totals. JSON on stdout.

seconds    of one plan of 20,000 conversations from a sample of 1,000, and of all of them
coverage   of 100 seeds, those whose interval of 95 % holds the total of all conversations, and the median half width of the interval
pictures   microseconds to read the size of a screenshot from its header, from a file that was read before
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pipelines.config import Config, parse_config
from pipelines.containers.inputs import inputs_of
from pipelines.flow import open_flow
from pipelines.images.headers import verify_header
from pipelines.planning import AMOUNTS, make_plan
from pipelines.planning.census import number_of
from pipelines.planning.estimates import Key, Sums
from tests.bench.screens import write_screens
from tests.bench.workload import write_text

CONVERSATIONS, SAMPLE, SEEDS, SCREENS = 20_000, 1_000, 100, 200
MEASURED = ("tokens", "target_tokens", "rows", "windowed")


def settings(folder: Path) -> Config:
    dialect = {"name": "glm_4", "tokenizer": "glm_4_standin", "max_tokens": 2048, "on_overflow": "windows"}
    return parse_config({"sources": [{"name": "talks", "path": str(folder)}], "dialects": [dialect], "output": {"root": "out"}})


class Recorded(Sums):
    """Sums that keep what they add."""

    def __init__(self) -> None:
        super().__init__()
        self.added: list[dict[Key, int]] = []

    def add(self, source: str, amounts: Any) -> None:
        super().add(source, amounts)
        self.added.append(dict(amounts))


def coverage(folder: Path) -> dict[str, Any]:
    config = settings(folder)
    flow, files = open_flow(config), inputs_of(config, None).files
    seconds = {}
    for name, sample in (("sample", SAMPLE), ("all", None)):
        start = time.process_time()
        plan = make_plan(flow, files, sample, sums=Recorded())
        seconds[name] = round(time.process_time() - start, 2)
    assert isinstance(plan.sums, Recorded)
    keys: list[Key] = [("glm_4", budget, name) for budget in (2048, 4096, 8192) for name in MEASURED]
    held, widths = dict.fromkeys(keys, 0), {key: [] for key in keys}
    for seed in range(SEEDS):
        sums = Sums()
        for i in sorted(range(len(plan.sums.added)), key=lambda i: number_of(seed, i + 1))[:SAMPLE]:
            sums.add("talks", plan.sums.added[i])
        for key in keys:
            true, found = plan.estimate(*key).total, sums.estimate(key, plan.census.records, is_count=key[-1] not in AMOUNTS)
            held[key] += found.low <= true <= found.high
            widths[key].append((found.high - found.low) / 2 / max(1, true))
    shown = {f"{key[1]} {key[2]}": {"held": held[key], "half_width": round(statistics.median(widths[key]), 4)} for key in keys}
    return {"cpu_seconds": seconds, "of_seeds": SEEDS, "coverage": shown}


def pictures(folder: Path) -> dict[str, Any]:
    config = settings(folder)
    paths = write_screens(folder, SCREENS)
    given = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    for path in paths:
        path.read_bytes()
    start = time.perf_counter()
    verdicts = [verify_header("a", size, modified, path, None, config).verdict for path, size, modified in given]
    spent = time.perf_counter() - start
    assert set(verdicts) == {"good"}
    return {"pictures": len(given), "mean_bytes": sum(size for _, size, _ in given) // len(given), "microseconds": round(1e6 * spent / len(given), 1)}


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else made)
        if not (folder / "logs").is_dir():
            write_text(folder / "logs", CONVERSATIONS)
        print(json.dumps(coverage(folder / "logs") | {"headers": pictures(folder / "screens")}, indent=1))


if __name__ == "__main__":
    main()
