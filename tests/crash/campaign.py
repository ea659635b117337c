"""Experiments with one run at a time: each disturbs a run on a fresh scene, and returns what was wrong afterwards."""

from __future__ import annotations

import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import SparkSession

from pipelines.tables.reading import last_run, open_table, run_rows
from tests.crash.scene import Scene, reader_view, view, without_n0
from tests.crash.stage import OnPoint, Stage, again, at_pass, broken, ending, full, last_line, left_over, reader_faults
from tests.crash.zygote import KILLED, die

HOWS = {"killed": die, "disk full": full, "I/O error": broken}


def disturbed(stage: Stage, where: int | str, how: OnPoint, spark: bool = False) -> list[str]:
    """The run that amends n1 is stopped at this point. Then the batch is run again."""
    scene = stage.fresh()
    ended = stage.drive(scene, "n1", on_point=at_pass(where, how), spark=spark)
    faults = [] if ended in (KILLED, "OSError", "published") else [f"the disturbed run ended as {ended}"]
    faults += reader_faults(stage, scene, ["before", "amended"], "after the disturbance")
    return faults + again(stage, scene, "n1", "amended")


def next_batch_first(stage: Stage, where: int | str) -> list[str]:
    """n1 is killed, and n2 is run before n1 is run again."""
    scene = stage.fresh()
    stage.drive(scene, "n1", on_point=at_pass(where, die))
    is_amended = not reader_faults(stage, scene, ["amended"], "")
    ended = stage.drive(scene, "n2")
    faults = [] if ended == "published" else [f"the next batch ended as {ended}"]
    faults += reader_faults(stage, scene, ["amended, n2" if is_amended else "before, n2"], "after the next batch")
    return faults + again(stage, scene, "n1", "amended, n2")


def killed_twice(stage: Stage, where: int | str) -> list[str]:
    """The run that completes a killed run is killed too, at every point that it passes."""
    scene = stage.fresh()
    stage.drive(scene, "n1", on_point=at_pass(where, die))
    faults: list[str] = []
    for _ in range(len(stage.points())):
        if stage.drive(scene, "n1", on_point=at_pass(1, die)) != KILLED:
            break
        faults += reader_faults(stage, scene, ["before", "amended"], "after one of the kills")
    return faults + again(stage, scene, "n1", "amended")


def amended(stage: Stage) -> list[str]:
    """An undisturbed run amends its batch and changes nothing else."""
    return again(stage, stage.fresh(), "n1", "amended")


def replayed(stage: Stage) -> list[str]:
    """A rerun with the same files publishes nothing, even if their times differ. With another configuration it is refused."""
    scene = stage.fresh()
    stage.drive(scene, "n1")
    before = stage.look(lambda: last_run(scene.root))
    os.utime(scene.folder / "logs" / "n1" / "a.jsonl", (1, 1))
    ended = stage.drive(scene, "n1")
    faults = [] if ended == "unchanged" else [f"the replay ended as {ended}"]
    faults += [] if stage.look(lambda: last_run(scene.root)) == before else ["the replay was published"]
    ended = stage.drive(scene, "n1", config=scene.config(options={"max_tokens": 4096}))
    return faults + ([] if ended == "Refused" else [f"the replay under another configuration ended as {ended}"])


def amended_again(stage: Stage) -> list[str]:
    """Files with other bytes under the same names amend the batch, even if it was amended before."""
    scene = stage.fresh()
    stage.drive(scene, "n1")
    lines = (scene.folder / "logs" / "n1" / "a.jsonl").read_bytes().splitlines()
    scene.write("n1", [*lines[1:], b"{broken anew"])  # as many records, since the gate max_shrink bounds how many may go
    ended = stage.drive(scene, "n1", spark=True)
    return [] if ended == "published" else [f"a batch with other bytes ended as {ended}"]


def damaged_staging(stage: Stage) -> list[str]:
    """A file that a worker wrote is lost before the books are balanced: nothing may be published."""
    scene = stage.fresh()
    before = set((scene.root / "samples").rglob("*.parquet"))

    def lose(point: str) -> None:
        (new,) = set((scene.root / "samples").rglob("*.parquet")) - before
        new.unlink()

    ended = stage.drive(scene, "n1", on_point=at_pass("stage outcomes: after", lose), spark=True)
    faults = ["a batch whose rows were lost was published"] if ended in ("published", "unchanged") else []
    return faults + reader_faults(stage, scene, ["before"], "after the loss") + again(stage, scene, "n1", "amended")


def lossy_plan(stage: Stage) -> list[str]:
    """The plan has fewer files than the books have rows: it must not be published."""
    scene = stage.fresh()

    def lossy() -> None:
        from pipelines.spark.run import completion

        whole = completion.plan_of

        def without_samples(*arguments: Any) -> Any:
            plan = whole(*arguments)
            return plan._replace(tables={name: files for name, files in plan.tables.items() if name != "samples"})

        completion.plan_of = without_samples

    ended = stage.drive(scene, "n1", prepare=lossy)
    faults = ["a plan that lacks files was published"] if ended == "published" else []
    faults += reader_faults(stage, scene, ["before"], "after a lossy plan")
    return faults + again(stage, scene, "n1", "amended")


def bad_batch(stage: Stage) -> list[str]:
    """More records are quarantined than the gate allows: nothing is published, and what the run wrote stays for a reader, and out of the tables."""
    scene = stage.fresh()
    lines = (scene.folder / "logs" / "n1" / "a.jsonl").read_bytes()
    scene.write("n1", [b"{broken %d" % number for number in range(5)])
    ended = stage.drive(scene, "n1", spark=True)
    faults = [] if ended == "gate_failed" else [f"a bad batch ended as {ended}"]
    faults += reader_faults(stage, scene, ["before"], "after a bad batch") + left_over(stage, scene)
    (scene.folder / "logs" / "n1" / "a.jsonl").write_bytes(lines)
    return faults + again(stage, scene, "n1", "amended")


def internal_error(stage: Stage) -> list[str]:
    """A record fails with an internal error: nothing is published."""
    scene = stage.fresh()

    def failing() -> None:
        from pipelines.spark.run import completion

        end = completion.too_many_errors

        def counted(books: Any, gates: Any) -> Any:
            object.__setattr__(books, "internal_errors", 1)
            return end(books, gates)

        completion.too_many_errors = counted

    ended = stage.drive(scene, "n1", prepare=failing)
    faults = [] if ended == "internal_error" else [f"a run with an internal error ended as {ended}"]
    return faults + reader_faults(stage, scene, ["before"], "after an internal error")


def older_state_readable(stage: Stage) -> list[str]:
    """A trainer can still read the earlier state of a batch after amendments, as long as retention keeps it."""
    scene = stage.fresh()
    row = stage.look(lambda: last_run(scene.root))
    rows = lambda: sorted(map(str, open_table(scene.root, "samples", row).to_table().to_pylist()))  # noqa: E731
    old = stage.look(rows)
    stage.drive(scene, "n1")
    stage.drive(scene, "n2")
    try:
        now = stage.look(rows)
    except RuntimeError as error:
        return [f"the earlier state cannot be read any more: {last_line(error)}"]
    return [] if now == old else ["the earlier state has other rows now"]


def redriven(stage: Stage, where: str = "", how: OnPoint = die) -> list[str]:
    """A record that was fixed moves from quarantine to samples, and no other row changes, also if the redrive is stopped and run again."""
    scene = stage.fresh()
    late = {"messages": [{"role": "user", "content": "<image>?"}, {"role": "assistant", "content": "late"}], "images": ["late.png"], "episode_id": "e1"}
    lines = (scene.folder / "logs" / "n1" / "a.jsonl").read_bytes().splitlines()
    scene.write("n1", [*lines, late])
    stage.drive(scene, "n1", spark=True)
    (scene.folder / "screens" / "late.png").write_bytes((scene.folder / "screens" / "0.png").read_bytes())
    before, _ = stage.look(lambda: reader_view(scene))
    faults: list[str] = []
    if where:
        redrive(stage, scene, at_pass(where, how))
        faults += [f"after the disturbance: {fault}" for fault in _moved(before, stage.look(lambda: view(scene)), may_be_same=True)]
    ended = redrive(stage, scene)
    faults += [] if ended == "published" or (where and ended == "unchanged") else [f"the redrive ended as {ended}"]
    faults += _moved(before, stage.look(lambda: view(scene)))
    return faults + left_over(stage, scene)


def redrive(stage: Stage, scene: Scene, on_point: OnPoint = lambda point: None) -> Any:
    def again(spark: SparkSession) -> str:
        from pipelines.spark.run.batch import RunOptions
        from pipelines.spark.run.redrive import Selection, redrive_batch

        stage.mistake()
        options = RunOptions(on_point=on_point)
        return ending(lambda: redrive_batch(spark, scene.config(), Selection("image.missing"), "n1", scene.run_id("n1"), datetime.now(UTC), options).status)

    return stage.zygote.run(again)


def _moved(before: dict[str, Any], after: dict[str, Any], may_be_same: bool = False) -> list[str]:
    moved = {table: (len(set(after[table]) - set(before[table])), len(set(before[table]) - set(after[table]))) for table in after}
    right = {"conversations": (1, 0), "samples": (1, 0), "quarantine": (0, 1), "images": (1, 0)}
    duplicated = {table: len(rows) - len(set(rows)) for table, rows in after.items() if len(rows) != len(set(rows))}
    faults = [] if moved == right or (may_be_same and after == before) else [f"the redrive moved {moved}"]
    return faults + ([f"duplicated: {duplicated}"] if duplicated else [])


def zombie(stage: Stage, where: str) -> list[str]:
    """A task of a run that was killed writes its files after the batch was run again. No reader notices."""
    scene = stage.fresh()
    stage.drive(scene, "n1", on_point=at_pass(where, die))
    files = {path: path.read_bytes() for path in scene.root.rglob("*.parquet")}
    faults = again(stage, scene, "n1", "amended")
    for path, data in files.items():
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    faults += reader_faults(stage, scene, ["amended"], "after the zombie's files")
    ended = stage.drive(scene, "n2")
    faults += [] if ended == "published" else [f"the next batch ended as {ended}"]
    return faults + reader_faults(stage, scene, ["amended, n2"], "after the next batch")


def wrong_clock(stage: Stage, days: int) -> list[str]:
    """The driver's clock is wrong by many days. Order of runs, retention and readers stay right, also of the next run, whose clock is right."""
    scene = stage.fresh()
    moved = timedelta(days=days)
    ended = stage.drive(scene, "n1", prepare=lambda: shift_clock(moved), now=lambda: datetime.now(UTC) + moved)
    faults = [] if ended == "published" else [f"the run with the wrong clock ended as {ended}"]
    faults += reader_faults(stage, scene, ["amended"], "after the wrong clock")
    row = stage.look(lambda: run_rows(scene.root)[1])  # n1 before its amendment
    faults += _readable(stage, scene, row, "with the wrong clock")
    ended = stage.drive(scene, "n2")
    faults += [] if ended == "published" else [f"the next batch ended as {ended}"]
    faults += reader_faults(stage, scene, ["amended, n2"], "after the next batch")
    faults += _readable(stage, scene, row, "after the next batch")
    order = stage.look(lambda: [row["batch"] for row in run_rows(scene.root)])
    faults += [] if order == ["n0", "n1", "n1", "n2"] else [f"the order of the runs is {order}"]
    return faults + again(stage, scene, "n1", "amended, n2")


def shift_clock(moved: timedelta) -> None:
    wall, nanos = time.time, time.time_ns
    time.time = lambda: wall() + moved.total_seconds()
    time.time_ns = lambda: nanos() + int(moved.total_seconds()) * 10**9


def _readable(stage: Stage, scene: Scene, row: dict[str, Any], when: str) -> list[str]:
    try:
        stage.look(lambda: open_table(scene.root, "samples", row).to_table().to_pylist())
    except RuntimeError as error:
        return [f"{when}: the state before the amendment cannot be read: {last_line(error)}"]
    return []


def retained(stage: Stage) -> list[str]:
    """After `retention.days`, a run deletes replaced files and what runs left that have ended, and nothing else."""
    scene = stage.fresh()
    stage.drive(scene, "n1", on_point=at_pass("stage outcomes: after", die))
    dead = {path.name for path in (scene.root / "_runs").iterdir()} - {row["run_id"] for row in stage.look(lambda: run_rows(scene.root))}
    stage.drive(scene, "n2", prepare=_failing_gate)
    stage.drive(scene, "n1")
    faults = [f"run {name} was not removed" for name in dead if (scene.root / "_runs" / name).exists()]
    _age(scene, 40)
    ended = stage.drive(scene, "n2")
    faults += [] if ended == "published" else [f"the next batch ended as {ended}"]
    replaced = [path.name for path in (scene.root / "_replaced").glob("*")]
    faults += [f"_replaced/{name} is older than the retention" for name in replaced]
    kept = {row["run_id"] for row in stage.look(lambda: run_rows(scene.root))}
    faults += [f"_runs/{path.name} is older than the retention" for path in (scene.root / "_runs").iterdir() if path.name not in kept]
    return faults + reader_faults(stage, scene, ["amended, n2"], "after retention") + left_over(stage, scene)


def _failing_gate() -> None:
    from pipelines.spark.run import completion

    completion.failed_gates = lambda *arguments: ["a gate that always fails"]


def _age(scene: Scene, days: int) -> None:
    """Everything under the root was written so many days earlier."""
    for path in scene.root.rglob("*"):
        then = path.stat().st_mtime - days * 86_400
        os.utime(path, (then, then))


def empty_root(stage: Stage, where: int | str) -> list[str]:
    """The very first run of a root is killed, and run again."""
    scene = stage.fresh()
    shutil.rmtree(scene.root)
    stage.drive(scene, "n1", on_point=at_pass(where, die))
    ended = stage.drive(scene, "n1")
    faults = [] if ended in ("published", "unchanged") else [f"the rerun ended as {ended}"]
    return faults + reader_faults(stage, scene, [without_n0(stage.expected("amended"))], "after the rerun") + left_over(stage, scene)
