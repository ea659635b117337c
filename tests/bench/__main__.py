"""`make bench`: the pipeline, its limit and its peers on the same seeded conversations, in turn; a table, and JSON on stdout."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gigatoken import gigatoken_rs
from rich.console import Console
from rich.table import Table

from pipelines.flow import open_flow
from tests.bench import limit, ours, peers, spark_job
from tests.bench.workload import write_text

FEW = 10


def cpu_seconds(work: Callable[[], int]) -> tuple[float, int]:
    started = time.process_time()
    tokens = work()
    return time.process_time() - started, tokens


def in_turn(ways: dict[str, Callable[[], int]], pairs: int) -> tuple[dict[str, list[float]], dict[str, int]]:
    """CPU seconds of each way, once per round; the first round warms up and is left out."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    tokens: dict[str, int] = {}
    for number in range(pairs + 1):
        for name, work in ways.items():
            taken, tokens[name] = cpu_seconds(work)
            if number:
                seconds[name].append(taken)
        print(f"round {number} of {pairs} done", file=sys.stderr)
    return seconds, tokens


def text_ways(paths: Sequence[Path], folder: Path, with_peers: bool) -> dict[str, Callable[[], int]]:
    flow = open_flow(ours.settings(folder, folder / "root"))
    vocabulary = flow.dialects[0].vocabulary
    encoder = gigatoken_rs.load_hf_json(vocabulary.path.read_bytes())
    ways: dict[str, Callable[[], int]] = {
        "limit": lambda: limit.text(paths, encoder, folder / "limit.parquet"),
        "pure": lambda: ours.text(flow, paths, folder / "ours"),
        "encode_only": lambda: peers.encode_only(paths, vocabulary.tokenizer),
    }
    return ways | ({"datasets_map": lambda: peers.chat_template(paths, vocabulary.path)} if with_peers else {})


def ratios(over: Sequence[float], under: Sequence[float]) -> dict[str, float]:
    found = sorted(a / b for a, b in zip(over, under, strict=True))
    return {"median": round(statistics.median(found), 2), "least": round(found[0], 2), "most": round(found[-1], 2)}


def spark_figures(paths: Sequence[Path], folder: Path, conversations: int) -> dict[str, Any]:
    few = folder / "few"
    write_text(few, FEW, first=10_000_000)
    start = spark_job.run(few, folder / "few-root")
    night = spark_job.run(paths[0].parent, folder / "root")
    per_record = spark_job.cpu_per_record(night, start, conversations, FEW)
    wall = {"ten_records_s": round(start.wall, 1), "night_s": round(night.wall, 1)}
    return {"cpu_s_per_1000": round(1000 * per_record, 3), "start_cpu_s": round(start.cpu, 1), "largest_python_mb": round(night.python_mb), **wall}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--conversations", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--peers", action="store_true", help="datasets.map too: minutes")
    parser.add_argument("--spark", action="store_true", help="the whole job too, with start-up taken out")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_text(folder / "logs", options.conversations)
        seconds, tokens = in_turn(text_ways(paths, folder, options.peers), options.pairs)
        scale = 1000 / options.conversations
        figures: dict[str, Any] = {
            "machine": {"cpus": os.cpu_count(), "processor": platform.processor() or platform.machine(), "load": os.getloadavg()},
            "conversations": options.conversations,
            "tokens": tokens,
            "cpu_s_per_1000": {way: round(statistics.median(taken) * scale, 3) for way, taken in seconds.items()},
            "over_limit": {way: ratios(taken, seconds["limit"]) for way, taken in seconds.items() if way != "limit"},
            "bytes_per_token": {"limit": round((folder / "limit.parquet").stat().st_size / tokens["limit"], 2)},
        }
        if options.spark:
            figures["spark"] = spark_figures(paths, folder, options.conversations)
    _show(figures)
    print(json.dumps(figures))
    return 0


def _show(figures: dict[str, Any]) -> None:
    table = Table("way", "CPU s per 1,000", "times the limit", "spread")
    for way, cost in figures["cpu_s_per_1000"].items():
        over = figures["over_limit"].get(way)
        table.add_row(way, str(cost), str(over["median"]) if over else "1", f"{over['least']} to {over['most']}" if over else "")
    if spark := figures.get("spark"):
        table.add_row("Spark job", str(spark["cpu_s_per_1000"]), str(round(spark["cpu_s_per_1000"] / figures["cpu_s_per_1000"]["limit"], 2)), "")
    Console(stderr=True).print(table)


if __name__ == "__main__":
    sys.exit(main())
