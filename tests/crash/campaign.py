"""Experiments: each disturbs a run on a fresh scene, and returns what was wrong afterwards."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from pipelines.ledger.batches import Refused
from pipelines.storage.locks import LostRace
from pipelines.tables.reading import NotPublished, last_run, open_table, run_rows
from tests.crash.scene import Scene, View, counted_by_duckdb, false_reports, leftovers, view
from tests.crash.zygote import KILLED, Zygote, die

Mistake = Callable[[], None]  # patches the code, inside a fork


def nothing() -> None:
    """No mistake."""


# The states that a reader may see, by the runs that lead to them.
RUNS = {"before": (), "amended": ("n1",), "amended, n2": ("n1", "n2"), "before, n2": ("n2",)}


class Stage:
    """Runs experiments on copies of one scene. `mistake` is planted in every driver before it starts."""

    def __init__(self, zygote: Zygote, scene: Scene, mistake: Mistake = nothing, known: dict[str, Any] | None = None):
        self.zygote, self.scene, self.mistake = zygote, scene, mistake
        self._known: dict[str, Any] = {} if known is None else known

    def mistaken(self, mistake: Mistake) -> Stage:
        """The same scene and the same expected states, with a planted mistake."""
        self.prepare()
        return Stage(self.zygote, self.scene, mistake, self._known)

    def prepare(self) -> None:
        """Makes all expected states, before an experiment starts a driver whose scene must not be moved."""
        for name in RUNS:
            self.expected(name)

    def expected(self, name: str) -> View:
        """What a reader sees after undisturbed runs. They run once, when their result is first needed."""
        if name not in self._known:
            scene = self.with_old_set_aside()
            trail = scene.folder / "trail"
            for batch in RUNS[name]:
                self.drive(scene, batch, on_point=_noted(trail))
            if name == "amended":
                self._known["points"] = trail.read_text().splitlines()
            self._known[name] = self.look(lambda: view(scene))
            self.put_back()
        return dict(self._known[name])

    def points(self) -> list[str]:
        """The names of the points that the run which amends n1 passes, in order, with repetitions."""
        self.expected("amended")
        return list(self._known["points"])

    def fresh(self) -> Scene:
        return self.scene.restored()

    def with_old_set_aside(self) -> Scene:
        """A fresh scene. The one of the last experiment is set aside until `put_back`."""
        if self.scene.folder.exists():
            self.scene.folder.rename(self._aside)
        return self.scene.restored()

    def put_back(self) -> None:
        shutil.rmtree(self.scene.folder)
        if self._aside.exists():
            self._aside.rename(self.scene.folder)

    @property
    def _aside(self) -> Path:
        return self.scene.folder.with_name(f"{self.scene.folder.name}-aside")

    def drive(self, scene: Scene, batch: str, **options: Any) -> Any:
        return self.zygote.run(self._driver(scene, batch, options))

    def start(self, scene: Scene, batch: str, **options: Any) -> Any:
        return self.zygote.start(self._driver(scene, batch, options))

    def look(self, work: Callable[[], Any]) -> Any:
        """What a reader finds, in a fork of its own and with the same planted mistake."""

        def read(spark: SparkSession) -> Any:
            self.mistake()
            return work()

        return self.zygote.run(read)

    def _driver(self, scene: Scene, batch: str, options: dict[str, Any]) -> Callable[[SparkSession], Any]:
        def work(spark: SparkSession) -> Any:
            self.mistake()
            try:
                return scene.run(spark, batch, **options).status
            except (Refused, LostRace, OSError, NotPublished) as error:
                return type(error).__name__
            except Exception as error:  # any other failure of a driver is a failure too
                return f"error: {type(error).__name__}: {str(error)[:300]}"

        return work


def _noted(trail: Path) -> Callable[[str], None]:
    def note(point: str) -> None:
        with trail.open("a") as file:
            file.write(point + "\n")

    return note


def at_pass(where: int | str, then: Callable[[str], None]) -> Callable[[str], None]:
    """Calls `then` at the point number `where`, or the first time at the point with this name."""
    passed: list[str] = []

    def at(point: str) -> None:
        passed.append(point)
        if len(passed) - 1 == where or (point == where and passed.count(point) == 1):
            then(point)

    return at


def full(point: str) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def broken(point: str) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def reader_faults(stage: Stage, scene: Scene, allowed: list[str], when: str) -> list[str]:
    """What is wrong if a reader does not see one of these states, whole."""
    try:
        seen = stage.look(lambda: view(scene))
    except RuntimeError as error:
        return [f"{when}: the snapshot cannot be read: {str(error).strip().splitlines()[-1][:200]}"]
    counts = {table: len(rows) for table, rows in seen.items()}
    if not any(seen == stage.expected(name) for name in allowed):
        return [f"{when}: a reader sees {counts}, which is none of {allowed}"]
    by_sql = stage.look(lambda: counted_by_duckdb(scene))
    faults = [] if by_sql == counts else [f"{when}: DuckDB counts {by_sql} through the snapshot, pyarrow {counts}"]
    return faults + [f"{when}: {fault}" for fault in stage.look(lambda: false_reports(scene))]


def disturbed(stage: Stage, where: int | str, how: Callable[[str], None]) -> list[str]:
    """The run that amends n1 is stopped at this point. Then the batch is run again."""
    scene = stage.fresh()
    ended = stage.drive(scene, "n1", on_point=at_pass(where, how))
    faults = [] if ended in (KILLED, "OSError", "published") else [f"the disturbed run ended as {ended}"]
    faults += reader_faults(stage, scene, ["before", "amended"], "after the disturbance")
    return faults + again(stage, scene, "n1", "amended")


def again(stage: Stage, scene: Scene, batch: str, expected: str) -> list[str]:
    ended = stage.drive(scene, batch)
    faults = [] if ended in ("published", "unchanged") else [f"the rerun ended as {ended}"]
    faults += reader_faults(stage, scene, [expected], "after the rerun")
    return faults + [f"left over: {name}" for name in stage.look(lambda: leftovers(scene))]


def next_batch_first(stage: Stage, where: int | str) -> list[str]:
    """n1 is killed between two commits, and n2 is run before n1 is run again."""
    scene = stage.fresh()
    stage.drive(scene, "n1", on_point=at_pass(where, die))
    is_amended = not reader_faults(stage, scene, ["amended"], "")
    ended = stage.drive(scene, "n2")
    faults = [] if ended == "published" else [f"the next batch ended as {ended}"]
    faults += reader_faults(stage, scene, ["amended, n2" if is_amended else "before, n2"], "after the next batch")
    return faults + again(stage, scene, "n1", "amended, n2")


def same_batch_at_once(stage: Stage, number: int) -> list[str]:
    """While one run of a batch waits at a point, another one starts. One is published; the other loses the race and leaves nothing behind."""
    stage.prepare()
    scene = stage.fresh()
    first = stage.start(scene, "n1", on_point=at_pass(number, _wait_for(scene.folder / "second-is-done")))
    _until((scene.folder / "second-is-done").with_suffix(".waiting"))
    second = stage.drive(scene, "n1")
    (scene.folder / "second-is-done").touch()
    ended = sorted([first.wait(), second])
    faults = [] if ended == ["LostRace", "published"] else [f"the two runs ended as {ended}"]
    faults += reader_faults(stage, scene, ["amended"], "after both")
    of_batch = stage.look(lambda: len([row for row in run_rows(scene.root) if row["batch"] == "n1"]))
    faults += [] if of_batch == 2 else [f"{of_batch - 1} runs of the batch were published at once"]
    return faults + [f"left over: {name}" for name in stage.look(lambda: leftovers(scene))]


def two_batches_at_once(stage: Stage, number: int) -> list[str]:
    """While the run of one batch waits at a point, that of another batch runs as far as it can. Both are published, one after the other."""
    stage.prepare()
    scene = stage.fresh()
    waits, let_in, ready, last = (scene.folder / name for name in ("first-waits", "second-is-let-in", "second-is-ready", "second-is-at-last"))

    def wait(point: str) -> None:
        waits.touch()
        _until(let_in, seconds=5)  # while the first holds the lock, the second cannot go on
        if let_in.exists():
            _until(ready)
            _until(last, seconds=4)

    def signal(point: str) -> None:
        let_in.touch()
        if point == "manifest: staged":
            ready.touch()
        elif point.startswith("runs"):
            last.touch()

    first = stage.start(scene, "n1", on_point=at_pass(number, wait))
    _until(waits)
    faults = reader_faults(stage, scene, ["before", "amended"], "during the publication")
    second = stage.start(scene, "n2", on_point=signal)
    ended = [first.wait(), second.wait()]
    faults += [] if ended == ["published", "published"] else [f"the two batches ended as {ended}"]
    faults += reader_faults(stage, scene, ["amended, n2"], "after both")
    return faults + [f"left over: {name}" for name in stage.look(lambda: leftovers(scene))]


def replayed(stage: Stage) -> list[str]:
    """A rerun with the same files publishes nothing, even if their times differ. With another configuration it is refused."""
    scene = stage.fresh()
    stage.drive(scene, "n1")
    before = stage.look(lambda: last_run(scene.root))
    os.utime(scene.folder / "logs" / "n1" / "a.jsonl", (1, 1))
    ended = stage.drive(scene, "n1")
    faults = [] if ended == "unchanged" else [f"the replay ended as {ended}"]
    faults += [] if stage.look(lambda: last_run(scene.root)) == before else ["the replay was published"]
    other = scene.config(options={"max_tokens": 4096})
    ended = stage.drive(scene, "n1", config=other)
    return faults + ([] if ended == "Refused" else [f"the replay under another configuration ended as {ended}"])


def amended(stage: Stage) -> list[str]:
    """An undisturbed run amends its batch and changes nothing else."""
    scene = stage.fresh()
    return again(stage, scene, "n1", "amended")


def amended_again(stage: Stage) -> list[str]:
    """Files with other bytes under the same names amend the batch, even if it was amended before."""
    scene = stage.fresh()
    stage.drive(scene, "n1")
    lines = (scene.folder / "logs" / "n1" / "a.jsonl").read_bytes().splitlines()
    scene.write("n1", lines[1:])
    ended = stage.drive(scene, "n1")
    return [] if ended == "published" else [f"a batch with other bytes ended as {ended}"]


def damaged_staging(stage: Stage) -> list[str]:
    """A staged file is lost before the books are balanced: nothing may be published."""
    scene = stage.fresh()

    def lose(point: str) -> None:
        if point == "stage outcomes: after":
            next((scene.root / "_staging").glob("*/outcomes/table=samples/**/*.parquet")).unlink()

    ended = stage.drive(scene, "n1", on_point=lose)
    faults = ["a batch whose staged rows were lost was published"] if ended in ("published", "unchanged") else []
    return faults + reader_faults(stage, scene, ["before"], "after the loss")


def lossy_commit(stage: Stage) -> list[str]:
    """A commit has fewer rows than the books: `runs` must not name it."""
    scene = stage.fresh()

    def lossy(spark: SparkSession) -> Any:
        from pipelines.spark.publishing import tables

        form = tables.FORMS[scene.form]
        commit_files = form.commit_files
        form.commit_files = lambda root, table, parts, *more: commit_files(root, table, parts[:-1] if table == "samples" else parts, *more)
        return stage._driver(scene, "n1", {})(spark)

    ended = stage.zygote.run(lossy)
    faults = ["a lossy commit was published"] if ended == "published" else []
    faults += reader_faults(stage, scene, ["before"], "after a lossy commit")
    return faults + again(stage, scene, "n1", "amended")


def bad_batch(stage: Stage) -> list[str]:
    """More records are quarantined than the gate allows: nothing is published."""
    scene = stage.fresh()
    scene.write("n1", [b"{broken %d" % number for number in range(5)])
    ended = stage.drive(scene, "n1")
    faults = [] if ended == "gate_failed" else [f"a bad batch ended as {ended}"]
    return faults + reader_faults(stage, scene, ["before"], "after a bad batch")


def internal_error(stage: Stage) -> list[str]:
    """A record fails with an internal error: nothing is published."""
    scene = stage.fresh()

    def failing(spark: SparkSession) -> Any:
        from pipelines.spark.run import completion

        end = completion.too_many_errors

        def counted(books: Any, gates: Any) -> Any:
            object.__setattr__(books, "internal_errors", 1)
            return end(books, gates)

        completion.too_many_errors = counted  # type: ignore[assignment]
        return stage._driver(scene, "n1", {})(spark)

    ended = stage.zygote.run(failing)
    faults = [] if ended == "internal_error" else [f"a run with an internal error ended as {ended}"]
    return faults + reader_faults(stage, scene, ["before"], "after an internal error")


def older_state_readable(stage: Stage) -> list[str]:
    """A trainer can still read the earlier state of a batch after an amendment, as long as retention keeps it."""
    scene = stage.fresh()
    row = stage.look(lambda: last_run(scene.root))
    old = stage.look(lambda: sorted(map(str, open_table(scene.root, "samples", row).to_table().to_pylist())))
    stage.drive(scene, "n1")
    try:
        now = stage.look(lambda: sorted(map(str, open_table(scene.root, "samples", row).to_table().to_pylist())))
    except RuntimeError as error:
        return [f"the earlier state cannot be read any more: {str(error).strip().splitlines()[-1][:200]}"]
    return [] if now == old else ["the earlier state has other rows now"]


def redriven(stage: Stage) -> list[str]:
    """A record that was fixed moves from quarantine to samples, and no other row changes."""
    scene = stage.fresh()
    late = {"messages": [{"role": "user", "content": "<image>?"}, {"role": "assistant", "content": "late"}], "images": ["late.png"], "episode_id": "e1"}
    lines = (scene.folder / "logs" / "n1" / "a.jsonl").read_bytes().splitlines()
    scene.write("n1", [*lines, late])
    stage.drive(scene, "n1")
    (scene.folder / "screens" / "late.png").write_bytes((scene.folder / "screens" / "0.png").read_bytes())
    before = stage.look(lambda: view(scene))

    def again(spark: SparkSession) -> Any:
        from datetime import UTC, datetime

        from pipelines.spark.run.redrive import Selection, redrive_batch

        stage.mistake()
        return redrive_batch(spark, scene.config(), Selection("image.missing"), "n1", f"redrive.{time.time_ns()}", datetime.now(UTC)).status

    ended = stage.zygote.run(again)
    after = stage.look(lambda: view(scene))
    moved = {table: (len(set(after[table]) - set(before[table])), len(set(before[table]) - set(after[table]))) for table in after}
    right = {"conversations": (1, 0), "samples": (1, 0), "quarantine": (0, 1), "images": (1, 0)}
    faults = [] if ended == "published" else [f"the redrive ended as {ended}"]
    faults += [] if moved == right else [f"the redrive moved {moved}"]
    duplicated = {table: len(rows) - len(set(rows)) for table, rows in after.items() if len(rows) != len(set(rows))}
    return faults + ([f"duplicated: {duplicated}"] if duplicated else [])


def _wait_for(flag: Path, seconds: float = 60) -> Callable[[str], None]:
    def wait(point: str) -> None:
        flag.with_suffix(".waiting").touch()
        _until(flag, seconds)

    return wait


def _until(path: Path, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.05)
