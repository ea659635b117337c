"""`make bench`: runs the pipeline, a lower bound (`limit`) and other programs in turn on the same data. A table on stderr, JSON on stdout."""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from gigatoken import gigatoken_rs
from rich.console import Console
from rich.table import Table

from pipelines.config import Config
from pipelines.flow import open_flow
from pipelines.spark.session.daemon import OBJECTS
from tests.bench import limit, memory, ours, peers, screens, spark_job
from tests.bench.turns import Cost, Ways, compared, in_turn, ratios
from tests.bench.workload import write_text

FEW = 10
PEER_STEPS = 200  # with images, of which LLaMA-Factory processes about ten per second
DAYS = ("2026-01-01", "2026-01-02")  # two batches in one session


def text_ways(paths: Sequence[Path], folder: Path, with_hugging_face: bool, with_peers: bool) -> Ways:
    """The programs to compare, with newly opened tokenizers: one that has seen these texts would encode them several times as fast.

    The lower bound and the pipeline take the files in turn, because the speed of the machine changes within a round too.
    """
    flow = ours.just_opened(ours.settings(folder, folder / "root"))
    vocabulary = flow.dialects[0].vocabulary
    hugging = vocabulary.tokenizer
    encoder = gigatoken_rs.load_hf_json(vocabulary.path.read_bytes())
    ways: list[tuple[str, Callable[[], int]]] = []
    for path in paths:
        ways.append(("limit", partial(limit.text, [path], encoder, folder / "limit" / f"{path.name}.parquet")))
        ways.append(("pure", partial(ours.text, flow, [path], folder / "ours" / path.name)))
    if with_hugging_face:
        ways.append(("encode_only", lambda: peers.encode_only(paths, hugging)))
    if with_peers:
        ways.append(("datasets_map", lambda: peers.chat_template(paths, vocabulary.path)))
    return ways


def limit_on_all_cpus(paths: Sequence[Path], vocabulary: Path) -> float:
    """CPU seconds of the lower bound in one process while every other CPU does the same, as the workers of the job do: they share caches."""
    command = [sys.executable, "-m", "tests.bench.limit", str(vocabulary), *map(str, paths)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(os.cpu_count() or 1)]
    return statistics.median(float(process.communicate()[0]) for process in running)


def text_figures(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """In every round: the programs that run in this process, then the whole job and LLaMA-Factory, in processes of their own. Start-up is subtracted."""
    conversations = options.conversations
    vocabulary = open_flow(ours.settings(folder, folder / "root")).dialects[0].vocabulary.path
    few = write_text(folder / "few", FEW, first=10_000_000)[0].parent
    others: dict[str, list[Cost]] = {"spark": [], "llama_factory": []}

    def ways_of(number: int) -> Ways:
        logs = write_text(folder / f"logs-{number}", conversations, first=number * conversations)
        for written in ("limit", "ours"):
            shutil.rmtree(folder / written, ignore_errors=True)
            (folder / written).mkdir()
        return text_ways(logs, folder, with_hugging_face=number > 0, with_peers=options.peers and number > 0)

    def then(number: int) -> None:
        if options.spark:
            start, config = (ours.settings(logs, folder / f"root-{number}-{logs.name}") for logs in (few, folder / f"logs-{number}"))
            others["spark"].append(whole_job(start, config, conversations))
        if options.llama_factory:
            others["llama_factory"].append(peers.llama_factory(options.llama_factory, folder / f"peer-{number}", vocabulary, (FEW, conversations)))

    costs, tokens = in_turn(ways_of, options.pairs, conversations, then)
    costs |= others
    size = sum(path.stat().st_size for path in (folder / "limit").iterdir())
    sizes = {"limit": round(size / tokens["limit"], 2), "pure": ours.bytes_per_token(folder / "ours")}
    figures = compared(costs, conversations) | {"conversations": conversations, "tokens": tokens, "bytes_per_token": sizes} | others
    if options.spark:
        figures["limit_on_all_cpus"] = round(1000 / conversations * limit_on_all_cpus(sorted((folder / f"logs-{options.pairs}").iterdir()), vocabulary), 3)
        figures["second_batch"] = second_batch(folder, conversations)
        figures["job_over"] = {way: ratios(costs[way], costs["spark"]) for way, found in costs.items() if found and way not in ("spark", "limit", "pure")}
    if options.spark and options.llama_factory:
        figures["wall_over_job"] = ratios(costs["llama_factory"], costs["spark"], "wall_s")
    if options.growth:
        figures["growth"] = growth(folder, conversations)
    return figures


def second_batch(folder: Path, conversations: int) -> dict[str, float]:
    """The cost of a second batch in the same session, with other conversations: tokenizers are open and the JVM is warm."""
    for number, day in enumerate(DAYS):
        write_text(folder / "days" / day, conversations, first=(20 + number) * 1_000_000)
    one, two = (spark_job.run(ours.settings(folder / "days" / "{batch}", folder / f"days-{name}"), name) for name in (DAYS[0], "..".join(DAYS)))
    return {"cpu_s_per_1000": round(1000 * (two.cpu - one.cpu) / conversations, 3), "wall_s": round(two.wall - one.wall, 1)}


def growth(folder: Path, conversations: int) -> dict[str, Any]:
    """Ten times as many conversations, and one worker instead of two. Start-up is subtracted."""
    few, one, ten = (folder / name for name in ("few", "one", "ten"))
    write_text(few, FEW, first=10_000_000)
    write_text(one, conversations)
    write_text(ten, 10 * conversations)
    costs = {}
    for master in ("local[1]", "local[2]"):
        start, run = (spark_job.run(ours.settings(logs, folder / f"{logs.name}-{master}"), "bench", master) for logs in (few, one))
        costs[master] = (spark_job.cpu_per_record(run, start, conversations, FEW), run.wall - start.wall)
    large = spark_job.run(ours.settings(ten, folder / "ten-root"), "bench")
    of_large = spark_job.cpu_per_record(large, start, 10 * conversations, FEW)
    return {
        "cpu_s_per_1000": {str(conversations): round(1000 * costs["local[2]"][0], 3), str(10 * conversations): round(1000 * of_large, 3)},
        "largest_python_mb": round(large.python_mb),
        "wall_s": round(large.wall, 1),
        "two_workers_over_one": round(costs["local[1]"][1] / costs["local[2]"][1], 2),
    }


def screens_figures(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """In every round: the programs that run in this process, then two batches of the whole job. The second has other steps with the same screenshots."""
    shots = screens.write_screens(Path("out/bench/screens"), options.screens)
    for first, name in ((0, "first"), (20_000_000, "second")):
        screens.write_steps(folder / "steps" / name / "steps.jsonl", shots, options.steps, first)
        screens.write_steps(folder / "few" / name / "steps.jsonl", shots, FEW, first + 10_000_000)
    steps = folder / "steps" / "first" / "steps.jsonl"
    others: dict[str, list[Cost]] = {"first": [], "second": [], "llama_factory": []}
    vocabulary = open_flow(ours.gui_settings(folder, folder, folder / "root")).dialects[0].vocabulary.path

    def config(logs: str, number: int) -> Config:
        return ours.gui_settings(folder / logs / "{batch}", shots[0].parent, folder / f"{logs}-{number}")

    def ways_of(number: int) -> Ways:
        flow = ours.just_opened(config("steps", number))
        vocabulary = flow.dialects[0].vocabulary
        encoder = gigatoken_rs.load_hf_json(vocabulary.path.read_bytes())
        return [
            ("limit", lambda: screens.limit(steps, shots[0].parent, encoder, vocabulary.specials, folder / "limit.parquet")),
            ("pure", lambda: ours.text(flow, [steps], folder / "ours")),
        ]

    def then(number: int) -> None:
        for name in ("first", "second") if options.spark else ():
            others[name].append(whole_job(config("few", number), config("steps", number), options.steps, name))
        if options.llama_factory:
            counts = FEW, min(PEER_STEPS, options.steps)
            others["llama_factory"].append(
                peers.llama_factory(
                    options.llama_factory, folder / f"peer-{number}", vocabulary, counts, lambda count: islice(steps.open("rb"), count), shots[0].parent
                )
            )

    costs, tokens = in_turn(ways_of, options.pairs, options.steps, then)
    sizes = {"limit": round((folder / "limit.parquet").stat().st_size / tokens["limit"], 2), "pure": ours.bytes_per_token(folder / "ours")}
    of_all = {"steps": options.steps, "screens": options.screens, "tokens": tokens, "bytes_per_token": sizes}
    return compared(costs | others, options.steps) | of_all | others


def whole_job(start: Config, config: Config, records: int, batch: str = "bench") -> dict[str, Any]:
    """The whole job in processes of its own: a small batch, then a large one. The difference is the cost of the records."""
    cold, full = (spark_job.run(one, batch) for one in (start, config))
    return {
        "cpu_s_per_1000": round(1000 * spark_job.cpu_per_record(full, cold, records, FEW), 3),
        "of_which": {kind: round(1000 * (cpu - cold.cpu_of.get(kind, 0)) / (records - FEW), 3) for kind, cpu in full.cpu_of.items()},
        "wall_s": round(full.wall, 1),
        "python_mb": round(full.python_mb),
        "images_opened": full.images_opened,
        "seconds": {name: round(value, 1) for name, value in full.seconds.items()},
        "start_wall_s": round(cold.wall, 1),
        "start_cpu_s": round(cold.cpu, 1),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--workload", choices=["text", "screens", "memory"], action="append", help="text and screens where none is named; memory takes long")
    parser.add_argument("--conversations", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--screens", type=int, default=1_000, help="distinct screenshots; they are drawn once and kept under out/bench")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--peers", action="store_true", help="datasets.map too: minutes")
    parser.add_argument(
        "--llama-factory", type=Path, metavar="PYTHON", help="its preprocessing too, of text and of pictures, by the Python of its own environment"
    )
    parser.add_argument("--spark", action="store_true", help="the whole job too, with start-up taken out")
    parser.add_argument("--growth", action="store_true", help="ten times as many conversations through Spark, and one worker against two: long")
    options = parser.parse_args(arguments)
    gc.freeze()
    gc.set_threshold(OBJECTS, 20, 20)  # as a worker of the job does; it makes no difference to the lower bound
    figures: dict[str, Any] = {"machine": {"cpus": os.cpu_count(), "processor": platform.processor() or platform.machine(), "load": os.getloadavg()}}
    for workload in options.workload or ["text", "screens"]:
        with tempfile.TemporaryDirectory() as name:
            if workload == "memory":
                figures[workload] = memory.figures(Path(name), memory.Sizes())
                continue
            figures[workload] = {"text": text_figures, "screens": screens_figures}[workload](Path(name), options)
        _show(workload, figures[workload])
    print(json.dumps(figures))
    return 0


def _show(workload: str, figures: dict[str, Any]) -> None:
    """The table. Programs without a command run in this process."""
    table = Table("way", "CPU s per 1,000", "times the limit", "spread", "seconds", "records/s", "largest process", "bytes a token", title=workload)
    for way, cost in figures["cpu_s_per_1000"].items():
        over, size = figures["over_limit"].get(way, {"median": 1}), figures["bytes_per_token"].get(way, "")
        spread = f"{over['least']} to {over['most']}" if "least" in over else ""
        of_way = [figures[what][way] for what in ("wall_s", "records_per_s", "python_mb")]
        table.add_row(way, *map(str, (cost, over["median"], spread, *of_way[:2], f"{of_way[2]} MB", size)))
    least = figures["cpu_s_per_1000"]["limit"]
    if both := figures.get("limit_on_all_cpus"):
        table.add_row("limit, on all CPUs at once", str(both), str(round(both / least, 2)))
    if warm := figures.get("second_batch"):
        cost = warm["cpu_s_per_1000"]
        table.add_row("spark, a second batch in one session", str(cost), str(round(cost / least, 2)), "", str(warm["wall_s"]))
    for way, over in figures.get("job_over", {}).items():
        table.add_row(f"{way}, times the job", "", str(over["median"]), f"{over['least']} to {over['most']}")
    if over := figures.get("wall_over_job"):
        table.add_row("llama_factory's wall time, times the job's", "", str(over["median"]), f"{over['least']} to {over['most']}")
    Console(stderr=True, width=160).print(table)


if __name__ == "__main__":
    sys.exit(main())
