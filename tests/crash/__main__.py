"""The crash campaign: python -m tests.crash [--sample 3] [--seed 7] [--mistakes] [--processes 3]

At every named point at which a run changes what is stored, it kills the driver (SIGKILL) or makes the step fail (disk full, I/O error);
then it runs the batch again and compares the tables with those of an undisturbed run. It also runs two batches, and one batch twice, at the
same time, with and without a lock, lets somebody else change the tables, puts the output root into a store, and plants mistakes in the code,
each of which an experiment must catch. Prints a line per experiment on stderr and a JSON line of counts on stdout. The exit code is 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from pipelines.spark.session.session import open_session
from tests.crash import campaign as c
from tests.crash import episodes, stores
from tests.crash import others as o
from tests.crash import races as r
from tests.crash.mistakes import MISTAKES
from tests.crash.processes import killed_at_random
from tests.crash.scene import Scene, build
from tests.crash.stage import RUNS, Mistake, Stage, broken, full, nothing
from tests.crash.stores import open_server
from tests.crash.zygote import Zygote, die

IN_BATCH = "DELETE in the batch"  # changes nothing only until the batch's rows are replaced
WHAT = ("points", "batches", "meetings", "hands", "others", "episodes", "stores")
Experiments = Iterator[tuple[str, str, Callable[[Stage], list[str]]]]  # part, name, experiment


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    seed = options.seed if options.seed is not None else random.randrange(1 << 30)
    chance = random.Random(seed)
    print(f"seed {seed}", file=sys.stderr)
    faults: list[str] = []
    counts: dict[str, int] = {}
    figures: dict[str, Any] = {"seed": seed}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(open_server(options.server, folder)) if "stores" in options.what and not options.sample else None
        zygote = Zygote(session(), folder)  # after the server, whose credentials the workers have in their environment
        caught: list[bool] = []
        if "episodes" in options.what and not options.sample:
            made, expected = episodes.staged(zygote, folder / "episodes")
            tried(made, episodes.experiments(expected), options, counts, faults)
        if options.mistakes or set(options.what) - {"episodes", "stores"}:
            states = ("before", "amended") if options.sample and not options.mistakes else tuple(RUNS)
            stage = staged(zygote, Scene(folder / "disk" / "scene"), states)
            points = stage.points()
            chosen = sorted(chance.sample(range(len(points)), min(options.sample, len(points)))) if options.sample else list(range(len(points)))
            tried(stage, experiments(points, chosen, chance, options), options, counts, faults)
            figures |= {"points": len(points), "points_tried": len(chosen) if "points" in options.what else 0}
            caught = list(planted(stage, options, faults))
        if server:
            stage = staged(zygote, Scene(folder / "store" / "scene", server.uri, dict(server.settings)), tuple(RUNS), stores.renew_quickly)
            tried(stage, stores.experiments(stage, server.name), options, counts, faults)
    print(json.dumps(figures | {"experiments": counts, "mistakes": len(caught), "mistakes_caught": sum(caught), "faults": len(faults)}))
    return 1 if faults else 0


def session() -> SparkSession:
    quick = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
    return open_session({"spark.master": "local[2]", "spark.driver.memory": "4g"} | quick)


def staged(zygote: Zygote, scene: Scene, states: Sequence[str], before: Mistake = nothing) -> Stage:
    zygote.run(lambda spark: build(spark, scene))
    zygote.run(lambda spark: scene.keep())
    stage = Stage(zygote, scene, before)
    stage.prepare(states)
    return stage


def tried(stage: Stage, experiments: Experiments, options: argparse.Namespace, counts: dict[str, int], faults: list[str]) -> None:
    for part, name, experiment in experiments:
        if options.only and options.only not in name:
            continue
        found = experiment(stage)
        counts[part] = counts.get(part, 0) + 1
        faults += [f"{name}: {fault}" for fault in found]
        report(name, found)


def experiments(points: list[str], chosen: list[int], chance: random.Random, options: argparse.Namespace) -> Experiments:
    if "points" in options.what:
        yield from at_points(points, chosen, chance, bool(options.sample))
    if options.sample:
        return
    decided = range(points.index("plan: written"), len(points))
    if "batches" in options.what:
        for number in decided:
            yield "batches", f"killed at {number} ({points[number]}), the next batch first", partial(c.next_batch_first, where=number)
        yield "batches", "killed twice", partial(c.killed_twice, where="runs: after")
        for point in ("plan: written", "runs: before", "runs: after", "samples: before"):
            yield "batches", f"the first run of a root is killed at {point}", partial(c.empty_root, where=point)
    if "meetings" in options.what:
        yield from meetings(points)
    if "hands" in options.what:
        yield from hands(points)
    if "others" in options.what:
        yield from other_experiments()
        for number in range(options.processes):
            yield "others", f"whole process {number} is killed", partial(killed_at_random, chance=chance)


def at_points(points: list[str], chosen: list[int], chance: random.Random, is_sample: bool) -> Experiments:
    """In a sample, each point gets one disturbance; in the whole campaign, a kill and one of the two errors in turn. Spark works where it writes."""
    written = points.index("plan: written")
    for number in chosen:
        for how in [chance.choice(list(c.HOWS))] if is_sample else ["killed", ("disk full", "I/O error")[number % 2]]:
            yield "points", f"{how} at {number} ({points[number]})", partial(c.disturbed, where=number, how=c.HOWS[how], spark=number < written)


def meetings(points: list[str]) -> Experiments:
    for number, point in enumerate(points):
        yield "meetings", f"one batch twice at once without a lock, the first at {number} ({point})", partial(r.same_batch_at_once, number=number, lock=False)
        yield "meetings", f"two batches at once, the first at {number} ({point})", partial(r.two_batches_at_once, number=number)
    for point in ("stage drafts: after", "stage images: after"):
        yield "meetings", f"one batch twice at once without a lock, Spark at {point}", partial(r.same_batch_at_once, number=point, lock=False, spark=True)
    for point in ("run: noted", "manifest: written", "runs: after", "manifest: published"):
        yield "meetings", f"one batch twice at once, the first at {point}", partial(r.same_batch_at_once, number=point)
    for first, second in (
        ("runs: before", "runs: before"),
        ("runs: before", "samples: before"),
        ("runs: after", "runs: before"),
        ("samples: after", "runs: after"),
    ):
        for kill in (False, True):
            name = f"two batches at once, at {first} and at {second}{', both killed' if kill else ''}"
            yield "meetings", name, partial(r.two_batches_at_once, number=first, other=second, kill=kill)
    for experiment in (r.both_killed, r.second_stopped, r.overtaken_by_a_killed_run, r.one_after_the_other, r.lost_answer, r.reader_between, r.watched):
        yield "meetings", experiment.__name__, experiment
    yield "meetings", "second_stopped by an error", partial(r.second_stopped, how=broken)
    for point in ("runs: before", "runs: after", "conversations: before", "images: before"):
        yield "meetings", f"the first two batches of a root, the first at {point}", partial(r.first_two_batches, where=point)
    for point in ("merged files: written", "runs: merged", "images: merged"):
        yield "meetings", f"killed while merging, at {point}", partial(r.merging, where=point, how=die)
        yield "meetings", f"an error while merging, at {point}", partial(r.merging, where=point, how=full)
        yield "meetings", f"two batches at once while merging, at {point}", partial(r.merging_at_once, where=point)
    for point in ("conversations: after", "runs: after"):
        yield "meetings", f"watched, with kills at {point}", partial(r.watched, kill=point)


def hands(points: list[str]) -> Experiments:
    """Somebody else at the tables."""
    written = points.index("plan: written")
    for name, (_, statement, _) in o.OPERATIONS.items():
        for spark in (False, *([True] if statement else [])) if name != IN_BATCH else ():
            yield "hands", f"{name} {'by Spark' if spark else 'by deltalake'} between runs", partial(o.between_runs, name=name, spark=spark)
        numbers = range(written - 2, len(points)) if name != IN_BATCH else range(written, points.index("conversations: before") + 1)
        for number in numbers:
            yield "hands", f"{name} at {number} ({points[number]})", partial(o.during_a_run, name=name, where=number)
        for point in ("runs: after", "conversations: after") if name != IN_BATCH else ():
            yield "hands", f"{name} after a kill at {point}", partial(o.during_a_kill, name=name, where=point)
    yield "hands", "rows of runs deleted", o.deleted_row
    yield "hands", "newest row of runs deleted", partial(o.deleted_row, newest_only=True)
    for point in ("manifest: written", "runs: before", "runs: after", "samples: before", "manifest: published"):
        yield "hands", f"rows of runs deleted at {point}", partial(o.deleted_row_during_a_run, where=point)
    for table in ("conversations", "samples", "quarantine"):
        yield "hands", f"file of {table} lost", partial(o.lost_file, table=table)
    yield "hands", "plan lost", o.lost_plan


def other_experiments() -> Experiments:
    plain = (c.amended, c.amended_again, c.replayed, c.damaged_staging, c.lossy_plan, c.bad_batch, c.internal_error, c.older_state_readable, c.retained)
    for experiment in (*plain, c.redriven):
        yield "others", experiment.__name__, experiment
    for point in ("stage outcomes: after", "plan: written", "runs: before", "runs: after", "samples: before", "report: published"):
        yield "others", f"redrive killed at {point}", partial(c.redriven, where=point)
    for point in ("stage outcomes: after", "manifest: written", "runs: before", "samples: before"):
        yield "others", f"files of a zombie of a run killed at {point}", partial(c.zombie, where=point)
    for days in (400, -400):
        yield "others", f"clock wrong by {days} days", partial(c.wrong_clock, days=days)


def planted(stage: Stage, options: argparse.Namespace, faults: list[str]) -> Iterator[bool]:
    for mistake in MISTAKES if options.mistakes else ():
        if options.only and options.only not in mistake.name:
            continue
        wrong = stage.mistaken(mistake.make)
        found = next((found for experiment in mistake.experiments if (found := _tried(experiment, wrong))), [])
        report(f"mistake «{mistake.name}»: {'caught' if found else 'NOT CAUGHT'}", found[:1])
        if not found:
            faults.append(f"mistake «{mistake.name}» was not caught")
        yield bool(found)


def _tried(experiment: Callable[[Stage], list[str]], stage: Stage) -> list[str]:
    try:
        return experiment(stage)
    except RuntimeError as error:  # a reader or driver that fails because of the mistake has noticed it
        return [str(error).strip().splitlines()[-1][:200]]


def report(name: str, found: list[str]) -> None:
    print(f"{time.strftime('%H:%M:%S')} {name}: {'; '.join(found) or 'ok'}", file=sys.stderr, flush=True)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=0, help="number of random points, each with one disturbance; 0: all points with all disturbances")
    parser.add_argument("--what", nargs="*", choices=WHAT, default=WHAT, help="parts of the campaign; none: only the planted mistakes")
    parser.add_argument("--server", choices=stores.SERVERS, default="versitygw", help="the server of the part `stores`; moto where it is missing")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--mistakes", action="store_true", help="also plant mistakes")
    parser.add_argument("--only", help="only experiments and mistakes whose name contains this")
    parser.add_argument("--processes", type=int, default=2, help="number of whole processes to kill at a random moment")
    return parser


if __name__ == "__main__":
    sys.exit(main())
