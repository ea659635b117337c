"""python -m tests.bench.growth: what a night costs as the root grows. A table on stderr, JSON on stdout.

    nights   a night of ten records after 1, 100 and 1,000 nights in one root
    root     the same with `duplicates: root`
    keys     looking up 20,000 records among those of 1, 100 and 1,000 nights of 20,000, for `duplicates: root`, without Spark
    images   a night of 1,000 known images against a table of 1,000 and of 1,000,000
    files    a night of 20,000 input files: seconds, the driver's memory, and the largest closure

Earlier nights are made from the files of a first one, by the code that publishes, completes and merges every night, without Spark.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image
from pyspark.sql import SparkSession

from pipelines.config import Config, parse_config
from pipelines.spark.run.batch import run_batch
from pipelines.spark.run.completion import Result
from pipelines.spark.session.session import open_session
from pipelines.storage.files import write_file
from pipelines.tables import record_keys
from pipelines.tables.publication.cleaning import Begun, apply_retention, note_begun
from pipelines.tables.publication.compact import commit_merges, merge, merges_of
from pipelines.tables.publication.complete import complete
from pipelines.tables.publication.plan import Added, Plan, plan_of, read_plan, write_plan
from pipelines.tables.publication.publish import publish
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.reading import input_rows_of, write_input_rows
from pipelines.tables.schema import COLUMNS, IMAGES
from pipelines.tables.writing import FileSet, FileWriter
from pipelines.training.tables import run_rows

TOKENIZER = Path(__file__).parents[1] / "data" / "tokenizers" / "minicpmv25_standin"
REPEATS = 5
KEYS = 20_000
DAYS = 30


class Scene:
    """A root with logs of its own, and runs of the job on it."""

    def __init__(self, spark: SparkSession, folder: Path, **settings: Any):
        self.spark, self.folder = spark, folder
        (folder / "screens").mkdir(parents=True)
        source = {"name": "a", "path": str(folder / "logs" / "{batch}"), "image_root": str(folder / "screens")}
        dialect = {"name": "minicpm_v_2_5", "tokenizer": str(TOKENIZER), "max_tokens": 2048}
        self.config: Config = parse_config({"sources": [source], "dialects": [dialect], "output": {"root": str(folder / "out")}} | settings)
        self.root = OutputRoot(self.config.output.root)

    def write(self, batch: str, records: int, files: int = 1, images: int = 0) -> None:
        logs = self.folder / "logs" / batch
        logs.mkdir(parents=True)
        for number in range(files):
            lines = [self._record(batch, number * records + each, images) for each in range(records)]
            (logs / f"{number}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def _record(self, batch: str, number: int, images: int) -> dict[str, Any]:
        shown = {"images": [f"{number % images}.png"]} if images else {}
        return shown | {"messages": [{"role": "user", "content": f"{batch} {number}?" + "<image>" * bool(images)}, {"role": "assistant", "content": "Yes."}]}

    def run(self, batch: str) -> tuple[Result, float]:
        started, now = time.monotonic(), datetime.now(UTC)
        result = run_batch(self.spark, self.config, batch, f"{batch}.{now:%Y%m%dT%H%M%SZ}.{os.urandom(4).hex()}", now)
        if result.status != "published":
            raise RuntimeError(f"batch {batch} ended as {result.status}: {result.words}")
        return result, time.monotonic() - started

    def copy_night(self, model: str, batch: str) -> None:
        """Publishes a batch with the files of another, as the job does."""
        runs = run_rows(self.root.filesystem(), self.root.uri)
        row = next(one for one in runs if one["batch"] == model)
        plan = read_plan(self.root, row["run_id"])
        run_id = f"{batch}.copied"
        note_begun(self.root, Begun(run_id, batch, runs[-1]["version"]))
        tables = {table: [self._copied(table, file, model, batch) for file in files] for table, files in plan.tables.items() if table != "images"}
        write_input_rows(self.root, run_id, input_rows_of(self.root, row["run_id"]))
        mine = Plan(run_id, batch, tables)
        write_plan(self.root, mine)
        manifest = self.root.read_json("_runs", row["run_id"], "manifest.json") | {"run_id": run_id, "batch": batch}
        self.root.write_json(manifest, "_runs", run_id, "manifest.json")
        write_file(self.root.path("_runs", run_id, "report.html"), b"", self.root.stores)
        maps = {name: list(row[name].items()) for name in ("states", "reasons", "sources", "tokenizers")}
        runs = publish(self.root, mine, row | maps | {"run_id": run_id, "batch": batch}, None, DAYS)
        complete(self.root, runs, DAYS)
        self._merge(runs, run_id, batch)
        apply_retention(self.root, runs, run_id, DAYS)

    def fill_images(self, most: int) -> None:
        """Fills the table of images with rows of other images, by one more run."""
        row = run_rows(self.root.filesystem(), self.root.uri)[0]
        writer = FileWriter(self.root.uri, "filling", {"images": IMAGES})
        for number in range(most):
            values = {"uri": f"a/other/{number:09}.png", "size": 100, "modified": 1, "sha256": f"{number:064x}", "format": "PNG", "width": 8, "height": 8}
            writer.add("images", "", dict.fromkeys(COLUMNS["images"].names) | values | {"verdict": "good", "level": "decode"}, 300)
        plan = plan_of("filling", "filling", FileSet(self.root.uri, writer.close()))
        write_plan(self.root, plan)
        manifest = self.root.read_json("_runs", row["run_id"], "manifest.json") | {"run_id": "filling", "batch": "filling"}
        self.root.write_json(manifest, "_runs", "filling", "manifest.json")
        write_file(self.root.path("_runs", "filling", "report.html"), b"", self.root.stores)
        maps = {name: list(row[name].items()) for name in ("states", "reasons", "sources", "tokenizers")}
        publish(self.root, plan, row | maps | {"run_id": "filling", "batch": "filling"}, None, DAYS)
        complete(self.root, self.root.runs(), DAYS)

    def _copied(self, table: str, file: Added, model: str, batch: str) -> Added:
        path = file.path.replace(f"batch={model}", f"batch={batch}")
        target = Path(self.root.path(table, path))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.root.path(table, file.path), target)
        return file._replace(path=path, values={**file.values, "batch": batch})

    def _merge(self, runs: list[dict[str, Any]], run_id: str, batch: str) -> None:
        merged = []
        for number, one in enumerate(merges_of(self.root, runs, batch)):
            written = merge(self.root.uri, self.root.stores, one, f"{run_id}-merged-{number}")
            merged.append((one, plan_of(run_id, batch, FileSet(self.root.uri, [written])).tables[one.table][0]))
        commit_merges(self.root, merged, run_id, DAYS)


def medians(scenes: Mapping[str, Scene], records: int, images: int = 0) -> dict[str, float]:
    """Seconds of a night in each of the scenes, of several, each a new batch. The scenes take turns, so that they have the same load of the machine."""
    seconds: dict[str, list[float]] = {name: [] for name in scenes}
    for repeat in range(-1, REPEATS):  # the first is not counted
        for name, scene in scenes.items():
            scene.write(f"counted-{repeat}", records, images=images)
            seconds[name].append(scene.run(f"counted-{repeat}")[1])
    return {name: statistics.median(counted[1:]) for name, counted in seconds.items()}


def nights(spark: SparkSession, folder: Path, most: int, **settings: Any) -> dict[str, float]:
    scenes = {}
    for goal in (1, 100, most):
        scene = scenes[str(goal)] = Scene(spark, folder / str(goal), **settings)
        scene.write("first", 10)
        scene.run("first")
        for number in range(1, goal):
            scene.copy_night("first", f"copy-{number:05}")
    found = medians(scenes, 10)
    return found | {f"{goal} to 1": found[goal] / found["1"] for goal in list(found)[1:]}


def root(spark: SparkSession, folder: Path, most: int) -> dict[str, float]:
    return nights(spark, folder, most, duplicates="root")


def keys(spark: SparkSession, folder: Path, most: int) -> dict[str, float]:
    """The keys are those of made-up nights, written as the nights would have written them: sixteen files of one size became one."""
    where = OutputRoot(str(folder))
    chance = np.random.default_rng(1)
    wanted = np.sort(chance.integers(0, 2**64, KEYS, dtype=np.uint64))
    found: dict[str, float] = {}
    made = 0
    for goal in (1, 100, most):
        for start in range(made, goal, 100):
            some = range(start, min(start + 100, goal))
            record_keys._write(where, f"night-{start}", {f"r{n}": np.sort(chance.integers(0, 2**64, KEYS, dtype=np.uint64)) for n in some})
        made = goal
        runs = [{"batch": f"b{number}", "run_id": f"r{number}", "version": number} for number in range(goal)]
        seconds = []
        for _ in range(REPEATS):
            started = time.monotonic()
            if len(record_keys.find_published(where, runs, "now", wanted, "now", ())):
                raise RuntimeError("a record was found that no night has")
            seconds.append(time.monotonic() - started)
        found[str(goal)] = statistics.median(seconds)
    return found


def images(spark: SparkSession, folder: Path, most: int) -> dict[str, float]:
    scenes = {}
    for rows in (1000, most):
        scene = scenes[str(rows)] = Scene(spark, folder / str(rows))
        for number in range(1000):
            Image.new("RGB", (8, 8), (number % 256, number // 256, 0)).save(scene.folder / "screens" / f"{number}.png")
        scene.write("first", 1000, images=1000)
        scene.run("first")
    scenes[str(most)].fill_images(most)
    found = medians(scenes, 1000, images=1000)
    return found | {"ratio": found[str(most)] / found["1000"]}


def files(spark: SparkSession, folder: Path, most: int) -> dict[str, float]:
    """One record in each file. `closure_kb` is the largest function that went to the workers."""
    from pyspark import cloudpickle

    sizes = [0]
    whole = cloudpickle.dumps

    def dumps(*arguments: Any, **named: Any) -> bytes:
        data: bytes = whole(*arguments, **named)
        sizes.append(len(data))
        return data

    cloudpickle.dumps = dumps
    scene = Scene(spark, folder)
    scene.write("first", 1)
    scene.run("first")
    before = psutil.Process().memory_info().rss
    scene.write("many", 1, files=most)
    _, seconds = scene.run("many")
    cloudpickle.dumps = whole
    return {
        "files": most,
        "seconds": seconds,
        "driver_mb": psutil.Process().memory_info().rss / 1e6,
        "driver_grew_mb": (psutil.Process().memory_info().rss - before) / 1e6,
        "closure_kb": max(sizes) / 1e3,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["nights", "images", "files"], choices=["nights", "root", "keys", "images", "files"])
    parser.add_argument("--nights", type=int, default=1000)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=20_000)
    options = parser.parse_args()
    spark = open_session({"spark.master": "local[2]"})
    found = {}
    with tempfile.TemporaryDirectory() as name:
        for what in options.what:
            most = options.nights if what in ("root", "keys") else getattr(options, what)
            found[what] = globals()[what](spark, Path(name) / what, most)
            print(what, json.dumps(found[what]), file=sys.stderr)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
