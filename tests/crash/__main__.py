"""The crash campaign: python -m tests.crash [--form delta] [--sample 3] [--seed 7] [--mistakes] [--processes 3]

At every named point at which a run changes the disk, it kills the driver (SIGKILL) or makes the step fail (disk full, I/O error); then it
runs the batch again and compares the tables with those of an undisturbed run. It also runs two batches, and one batch twice, at the same
time, and plants mistakes in the code, each of which an experiment must catch.
Prints a line per experiment on stderr and a JSON line of counts on stdout. The exit code is 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipelines.spark.session.session import open_session
from tests.crash import campaign as c
from tests.crash.mistakes import MISTAKES
from tests.crash.processes import killed_at_random
from tests.crash.scene import Scene, build
from tests.crash.zygote import Zygote, die

WHAT = ["points", "batches", "meetings", "others"]
HOWS = {"killed": die, "disk full": c.full, "I/O error": c.broken}


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    seed = options.seed if options.seed is not None else random.randrange(1 << 30)
    print(f"seed {seed}", file=sys.stderr)
    quick = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
    spark = open_session({"spark.master": "local[2]", "spark.driver.memory": "4g"} | quick)
    figures: dict[str, object] = {"seed": seed}
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        zygote = Zygote(spark, Path(folder))
        for form in options.form or ["delta", "parquet"]:
            stage = staged(zygote, Path(folder) / form / "scene", form)
            figures[form] = run_form(stage, options, random.Random(seed), faults)
    figures["faults"] = len(faults)
    print(json.dumps(figures))
    return 1 if faults else 0


def staged(zygote: Zygote, folder: Path, form: str) -> c.Stage:
    zygote.run(lambda spark: build(spark, folder, form))
    scene = Scene(folder, form)
    scene.keep()
    return c.Stage(zygote, scene)


def run_form(stage: c.Stage, options: argparse.Namespace, chance: random.Random, faults: list[str]) -> dict[str, object]:
    points = stage.points()
    chosen = sorted(chance.sample(range(len(points)), min(options.sample, len(points)))) if options.sample else list(range(len(points)))
    runs = 0
    for name, found in experiments(stage, points, chosen, chance, options):
        runs += 1
        faults += [f"{stage.scene.form}, {name}: {fault}" for fault in found]
        report(stage.scene.form, name, found)
    caught = list(planted(stage, options, faults))
    return {
        "points": len(points),
        "points_tried": len(chosen) if "points" in options.what else 0,
        "experiments": runs,
        "mistakes": len(caught),
        "mistakes_caught": sum(caught),
    }


def experiments(stage: c.Stage, points: list[str], chosen: list[int], chance: random.Random, options: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    if "points" in options.what:
        for number in chosen:
            # In a sample, each point gets one disturbance; in the whole campaign, a kill and one of the two errors in turn.
            for how in [chance.choice(list(HOWS))] if options.sample else ["killed", ("disk full", "I/O error")[number % 2]]:
                yield f"{how} at {number} ({points[number]})", c.disturbed(stage, number, HOWS[how])
    if options.sample:
        return
    between = [number for number, point in enumerate(points) if point.split(":")[0] in ("conversations", "samples", "quarantine", "images", "runs")]
    for number in between if "batches" in options.what else ():
        yield f"killed at {number} ({points[number]}), the next batch first", c.next_batch_first(stage, number)
    if "meetings" in options.what:
        for number in between[::2]:
            yield f"two batches at once, the first at {number} ({points[number]})", c.two_batches_at_once(stage, number)
        for number in (0, points.index("manifest: staged"), between[0], between[-1]):
            yield f"one batch twice at once, the first at {number} ({points[number]})", c.same_batch_at_once(stage, number)
    if "others" in options.what:
        for experiment in (
            c.amended,
            c.amended_again,
            c.replayed,
            c.damaged_staging,
            c.lossy_commit,
            c.bad_batch,
            c.internal_error,
            c.older_state_readable,
            c.redriven,
        ):
            yield experiment.__name__, experiment(stage)
        for _ in range(options.processes):
            yield killed_at_random(stage, chance)


def planted(stage: c.Stage, options: argparse.Namespace, faults: list[str]) -> Iterator[bool]:
    for mistake in MISTAKES if options.mistakes else ():
        if stage.scene.form not in mistake.forms or (options.only and options.only not in mistake.name):
            continue
        wrong = stage.mistaken(mistake.make)
        found = next((found for experiment in mistake.experiments if (found := _tried(experiment, wrong))), [])
        report(stage.scene.form, f"mistake «{mistake.name}»: {'caught' if found else 'NOT CAUGHT'}", found[:1])
        if not found:
            faults.append(f"{stage.scene.form}, mistake «{mistake.name}» was not caught")
        yield bool(found)


def _tried(experiment, stage: c.Stage) -> list[str]:
    try:
        return experiment(stage)
    except RuntimeError as error:  # a reader or driver that fails because of the mistake has noticed it
        return [str(error).strip().splitlines()[-1][:200]]


def report(form: str, name: str, found: list[str]) -> None:
    print(f"{time.strftime('%H:%M:%S')} {form}: {name}: {'; '.join(found) or 'ok'}", file=sys.stderr, flush=True)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--form", action="append", choices=["delta", "parquet"])
    parser.add_argument("--sample", type=int, default=0, help="number of random points, each with one disturbance; 0: all points with all disturbances")
    parser.add_argument("--what", nargs="*", choices=WHAT, default=WHAT, help="parts of the campaign; none: only the planted mistakes")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--mistakes", action="store_true", help="also plant mistakes")
    parser.add_argument("--only", help="only the mistakes whose name contains this")
    parser.add_argument("--processes", type=int, default=2, help="number of whole processes to kill at a random moment")
    return parser


if __name__ == "__main__":
    sys.exit(main())
