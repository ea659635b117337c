"""Starts drivers and readers on copies of one scene, with or without a planted mistake, and compares what readers see with undisturbed runs."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from pipelines.ledger.batches import Refused
from pipelines.storage.locks import LostRace
from pipelines.tables.publication.complete import RootDamaged
from pipelines.tables.reading import NotPublished
from tests.crash import canned
from tests.crash.scene import Scene, View, leftovers, reader_view
from tests.crash.zygote import Driver, Zygote

Work = Callable[[SparkSession], Any]
Mistake = Callable[[], None]  # patches the code, inside a fork
OnPoint = Callable[[str], None]
SECONDS = 120.0  # to wait for another driver


def nothing() -> None:
    """No mistake."""


# The states that a reader may see, by the runs that lead to them.
RUNS = {"before": (), "amended": ("n1",), "amended, n2": ("n1", "n2"), "before, n2": ("n2",)}


class Stage:
    """Runs experiments on copies of one scene. `mistake` is planted in every driver and reader before it starts."""

    def __init__(self, zygote: Zygote, scene: Scene, mistake: Mistake = nothing, known: dict[str, Any] | None = None):
        self.zygote, self.scene, self.mistake = zygote, scene, mistake
        self._known: dict[str, Any] = {} if known is None else known

    def mistaken(self, mistake: Mistake) -> Stage:
        """The same scene and the same expected states, with a planted mistake."""
        self.prepare()
        return Stage(self.zygote, self.scene, mistake, self._known)

    def prepare(self, names: Sequence[str] = tuple(RUNS)) -> None:
        """Makes the expected states, with undisturbed runs."""
        for name in names:
            if name in self._known:
                continue
            scene = self.fresh()
            trail = scene.folder / "trail"
            for batch in RUNS[name]:
                ended = self.drive(scene, batch, on_point=noted(trail), **({} if self._canned(batch).exists() else {"prepare": self._keep(batch)}))
                if ended != "published":
                    raise RuntimeError(f"an undisturbed run of {batch} ended as {ended}")
            if name == "amended":
                self._known["points"] = trail.read_text().splitlines()
            self._known[name], _ = self.look(lambda scene=scene: reader_view(scene))

    def expected(self, name: str) -> View:
        """What a reader sees after undisturbed runs."""
        return dict(self._known[name])

    def points(self) -> list[str]:
        """The names of the points that the run which amends n1 passes, in order, with repetitions."""
        return list(self._known["points"])

    def _canned(self, batch: str) -> Path:
        return self.scene.folder.with_name(f"canned-{batch}")

    def _keep(self, batch: str) -> Mistake:
        return lambda: canned.keep(self._canned(batch))

    def fresh(self) -> Scene:
        # Clients of stores do not survive a fork, so this process must not open one.
        return self.zygote.run(lambda spark: self.scene.restored()) if self.scene.store else self.scene.restored()  # type: ignore[no-any-return]

    def drive(self, scene: Scene, batch: str, **options: Any) -> Any:
        """How the run ended: its status, the name of its exception, or KILLED. With `lock=False` it takes no lock on its batch."""
        return self.start(scene, batch, **options).wait()

    def start(self, scene: Scene, batch: str, **options: Any) -> Driver:
        return self.zygote.start(self.driver(scene, batch, **options))

    def look(self, work: Callable[[], Any]) -> Any:
        """What a reader finds, in a fork of its own and with the same planted mistake."""

        def read(spark: SparkSession) -> Any:
            self.mistake()
            return work()

        return self.zygote.run(read)

    def driver(self, scene: Scene, batch: str, *, spark: bool = False, lock: bool = True, prepare: Mistake = nothing, **options: Any) -> Work:
        """A run of a batch. Only with `spark=True`, or before anything was kept, does Spark read its input, which may then be another than at first."""

        def work(session: SparkSession) -> Any:
            if not spark and self._canned(batch).exists():
                canned.use(self._canned(batch))
            self.mistake()
            prepare()
            if not lock:
                without_lock()
            return ending(lambda: scene.run(session, batch, **options).status)

        return work


def ending(run: Callable[[], str]) -> str:
    """How a run ends: its status, or the name of its exception."""
    try:
        return run()
    except (Refused, LostRace, OSError, NotPublished, RootDamaged) as error:
        return type(error).__name__
    except Exception as error:  # any other failure of a driver is a failure too
        return f"error: {type(error).__name__}: {str(error)[:300]}"


def without_lock() -> None:
    """Drivers that share no lock, as on machines whose file system has none."""
    from pipelines.spark.run import batch as job

    job.batch_lock = _unlocked  # type: ignore[assignment]


@contextmanager
def _unlocked(*arguments: Any) -> Any:
    yield


def noted(trail: Path) -> OnPoint:
    def note(point: str) -> None:
        with trail.open("a") as file:
            file.write(point + "\n")

    return note


def at_pass(where: int | str, then: OnPoint) -> OnPoint:
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


def reader_faults(stage: Stage, scene: Scene, allowed: Sequence[str | View], when: str) -> list[str]:
    """What is wrong if a reader does not see one of these states, whole."""
    try:
        seen, faults = stage.look(lambda: reader_view(scene))
    except RuntimeError as error:
        return [f"{when}: the snapshot cannot be read: {last_line(error)}"]
    if all(seen != (stage.expected(state) if isinstance(state, str) else state) for state in allowed):
        faults = [f"a reader sees {_counts(seen)}, which is none of {[one if isinstance(one, str) else _counts(one) for one in allowed]}", *faults]
    return [f"{when}: {fault}" for fault in faults]


def _counts(seen: View) -> dict[str, int]:
    return {table: len(rows) for table, rows in seen.items()}


def last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1][:200]


def again(stage: Stage, scene: Scene, batch: str, expected: str | View) -> list[str]:
    """What is wrong after the batch was run again."""
    ended = stage.drive(scene, batch)
    faults = [] if ended in ("published", "unchanged") else [f"the rerun ended as {ended}"]
    return faults + reader_faults(stage, scene, [expected], "after the rerun") + left_over(stage, scene)


def left_over(stage: Stage, scene: Scene) -> list[str]:
    return [f"left over: {name}" for name in stage.look(lambda: leftovers(scene))]


def wait_for(flag: Path, seconds: float = SECONDS) -> OnPoint:
    """Waits at a point until the flag is there, and says with another file that it waits."""

    def wait(point: str) -> None:
        flag.with_suffix(".waiting").touch()
        until(flag, seconds)

    return wait


def until(path: Path, seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)
