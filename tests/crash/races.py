"""Experiments with two runs at once, with and without a lock that they share, and with a reader that looks while runs publish."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

from pipelines.training.tables import open_root
from tests.crash.scene import Scene, View, view, view_of_snapshot, without_n0
from tests.crash.stage import OnPoint, Stage, again, at_pass, broken, last_line, left_over, reader_faults, until, wait_for
from tests.crash.zygote import KILLED, die


def same_batch_at_once(stage: Stage, number: int | str, lock: bool = True, spark: bool = False) -> list[str]:
    """While one run of a batch waits at a point, another one starts. One is published; the other loses the race and leaves nothing behind."""
    scene = stage.fresh()
    first = stage.start(scene, "n1", lock=lock, spark=spark, on_point=at_pass(number, wait_for(scene.folder / "second-is-done")))
    until((scene.folder / "second-is-done").with_suffix(".waiting"))
    second = stage.drive(scene, "n1", lock=lock)
    faults = reader_faults(stage, scene, ["before", "amended"], "while the first one waits")
    (scene.folder / "second-is-done").touch()
    ended = sorted([first.wait(), second])
    # Where the first one has published already, and there is no lock, the second one finds nothing to do.
    right = [["LostRace", "published"], *([] if lock else [["published", "unchanged"]])]
    faults += [] if ended in right else [f"the two runs ended as {ended}"]
    faults += reader_faults(stage, scene, ["amended"], "after both")
    of_batch = stage.look(lambda: len([row for row in scene.output().runs() if row["batch"] == "n1"]))
    faults += [] if of_batch == 2 else [f"{of_batch - 1} runs of the batch were published at once"]
    faults += left_over(stage, scene)
    return faults + again(stage, scene, "n1", "amended")


def two_batches_at_once(stage: Stage, number: int | str, other: int | str = "", kill: bool = False) -> list[str]:
    """The run of one batch waits at a point while that of another runs to a point of its own, or to its end. Then both go on, or both are killed."""
    scene = stage.fresh()
    first_goes_on, second_goes_on = scene.folder / "first-goes-on", scene.folder / "second-goes-on"

    def held(flag: Path) -> Any:
        wait = wait_for(flag)

        def hold(point: str) -> None:
            wait(point)
            if kill:
                die(point)

        return hold

    first = stage.start(scene, "n1", on_point=at_pass(number, held(first_goes_on)))
    until(first_goes_on.with_suffix(".waiting"))
    if other == "":
        endings = [stage.drive(scene, "n2")]
    else:
        second = stage.start(scene, "n2", on_point=at_pass(other, held(second_goes_on)))
        until(second_goes_on.with_suffix(".waiting"))
    faults = reader_faults(stage, scene, ["before", "amended", "before, n2", "amended, n2"], "during the publication")
    first_goes_on.touch()
    first_ended = first.wait()
    if other != "":
        second_goes_on.touch()
        endings = [second.wait()]
    endings.append(first_ended)
    allowed = {KILLED, "published"} if kill else {"published"}
    faults += [] if set(endings) <= allowed else [f"the two batches ended as {endings}"]
    if kill:
        faults += reader_faults(stage, scene, ["before", "amended", "before, n2", "amended, n2"], "after the kills")
        ended = stage.drive(scene, "n2")
        faults += [] if ended in ("published", "unchanged") else [f"the rerun of n2 ended as {ended}"]
    else:
        faults += reader_faults(stage, scene, ["amended, n2"], "after both")
    return faults + again(stage, scene, "n1", "amended, n2")


def first_two_batches(stage: Stage, where: str) -> list[str]:
    """The first two runs of a root at once: only one of them can create a table."""
    scene = stage.fresh()
    shutil.rmtree(scene.root)
    flag = scene.folder / "second-is-done"
    first = stage.start(scene, "n1", on_point=at_pass(where, wait_for(flag)))
    until(flag.with_suffix(".waiting"))
    endings = [stage.drive(scene, "n2")]
    flag.touch()
    endings.append(first.wait())
    faults = [] if endings == ["published", "published"] else [f"the runs ended as {endings}"]
    return faults + reader_faults(stage, scene, [without_n0(stage.expected("amended, n2"))], "after both") + left_over(stage, scene)


def merging(stage: Stage, where: str, how: OnPoint) -> list[str]:
    """A run that merges small files after its publication is stopped, or another batch is published while it waits there."""
    scene = stage.fresh()
    stage.drive(scene, "n1", prepare=merge_early, on_point=at_pass(where, how))
    faults = reader_faults(stage, scene, ["amended"], "after the merge was stopped") + again(stage, scene, "n1", "amended")
    ended = stage.drive(scene, "n2", prepare=merge_early)
    faults += [] if ended == "published" else [f"the next batch ended as {ended}"]
    return faults + reader_faults(stage, scene, ["amended, n2"], "after the next batch") + left_over(stage, scene)


def merging_at_once(stage: Stage, where: str) -> list[str]:
    """Another batch is published, and merges the same files, while a run that merges small files waits at a point."""
    scene = stage.fresh()
    flag = scene.folder / "second-is-done"
    first = stage.start(scene, "n1", prepare=merge_early, on_point=at_pass(where, wait_for(flag)))
    until(flag.with_suffix(".waiting"))
    endings = [stage.drive(scene, "n2", prepare=merge_early)]
    flag.touch()
    endings.append(first.wait())
    faults = [] if endings == ["published", "published"] else [f"the runs ended as {endings}"]
    faults += reader_faults(stage, scene, ["amended, n2"], "after both") + left_over(stage, scene)
    return faults + again(stage, scene, "n1", "amended, n2")


def merge_early() -> None:
    """Runs and images are merged once there are two files of them."""
    from pipelines.tables.publication import compact

    compact.MOST_FILES = 2


def both_killed(stage: Stage) -> list[str]:
    """Two runs that began at the same time publish, and both are killed before they have committed to another table."""
    scene = stage.fresh()
    flag = scene.folder / "second-is-killed"
    waits, dies = at_pass("manifest: written", wait_for(flag)), at_pass("runs: after", die)
    first = stage.start(scene, "n1", on_point=lambda point: waits(point) or dies(point))
    until(flag.with_suffix(".waiting"))
    endings = [stage.drive(scene, "n2", on_point=at_pass("runs: after", die))]
    flag.touch()
    endings.append(first.wait())
    faults = [] if endings == [KILLED, KILLED] else [f"the runs ended as {endings}"]
    faults += reader_faults(stage, scene, ["amended, n2"], "after the kills")
    return faults + again(stage, scene, "n1", "amended, n2")


def overtaken_by_a_killed_run(stage: Stage) -> list[str]:
    """While one run waits with all its files written, a second run publishes the batch and is killed before it can clean up. The first one has lost."""
    scene = stage.fresh()
    flag = scene.folder / "second-is-done"
    first = stage.start(scene, "n1", lock=False, on_point=at_pass("manifest: written", wait_for(flag)))
    until(flag.with_suffix(".waiting"))
    stage.drive(scene, "n1", lock=False, on_point=at_pass("runs: after", die))
    flag.touch()
    ended = first.wait()
    faults = [] if ended == "LostRace" else [f"the run that was overtaken ended as {ended}"]
    return faults + again(stage, scene, "n1", "amended")


def second_stopped(stage: Stage, how: OnPoint = die) -> list[str]:
    """While one run waits with all its files written, a second run of the batch is stopped before it publishes. Then the first one publishes."""
    scene = stage.fresh()
    flag = scene.folder / "second-is-done"
    first = stage.start(scene, "n1", lock=False, on_point=at_pass("manifest: written", wait_for(flag)))
    until(flag.with_suffix(".waiting"))
    stage.drive(scene, "n1", lock=False, on_point=at_pass("runs: before", how))
    flag.touch()
    ended = first.wait()
    faults = [] if ended == "published" else [f"the run that was not stopped ended as {ended}"]
    return faults + reader_faults(stage, scene, ["amended"], "after both") + left_over(stage, scene)


def one_after_the_other(stage: Stage) -> list[str]:
    """A run of the batch begins when another one has just published it, and before that one has cleaned up. It is published too."""
    scene = stage.fresh()
    first_goes_on, second_goes_on = scene.folder / "first-goes-on", scene.folder / "second-goes-on"
    first = stage.start(scene, "n1", lock=False, on_point=at_pass("manifest: published", wait_for(first_goes_on)))
    until(first_goes_on.with_suffix(".waiting"))
    second = stage.start(scene, "n1", lock=False, force=True, on_point=at_pass("manifest: written", wait_for(second_goes_on)))
    until(second_goes_on.with_suffix(".waiting"))
    first_goes_on.touch()
    endings = [first.wait()]
    second_goes_on.touch()
    endings.append(second.wait())
    faults = [] if endings == ["published", "published"] else [f"the runs ended as {endings}"]
    return faults + left_over(stage, scene)


def lost_answer(stage: Stage) -> list[str]:
    """The commit of `runs` goes through, but its answer is lost. The run ends with an error, and what it has published stays."""
    scene = stage.fresh()

    def lose() -> None:
        from pipelines.tables.publication import publish

        commit = publish.commit

        def committed(root: Any, table: str, *more: Any, **named: Any) -> Any:
            commit(root, table, *more, **named)
            broken(table)

        publish.commit = committed

    ended = stage.drive(scene, "n1", prepare=lose)
    faults = [] if ended == "OSError" else [f"the run whose answer was lost ended as {ended}"]
    faults += reader_faults(stage, scene, ["amended"], "after the lost answer")
    return faults + again(stage, scene, "n1", "amended")


def reader_between(stage: Stage) -> list[str]:
    """A reader opens the root, two batches are published, and then it reads: it sees what was published when it opened the root."""
    scene = stage.fresh()
    flag = scene.folder / "published"

    def read() -> View:
        published = open_root(scene.root)
        wait_for(flag)("")
        return view_of_snapshot(scene, published)

    reader = stage.zygote.start(lambda spark: stage.mistake() or read())
    until(flag.with_suffix(".waiting"))
    endings = [stage.drive(scene, batch) for batch in ("n1", "n2")]
    flag.touch()
    seen = reader.wait()
    faults = [] if endings == ["published", "published"] else [f"the runs ended as {endings}"]
    return faults + ([] if seen == stage.expected("before") else ["a reader that opened the root before a publication sees other rows afterwards"])


def watched(stage: Stage, kill: int | str = "") -> list[str]:
    """A reader in another process looks all the time while n1 is amended, and n2 published. It always sees one of the whole states."""
    scene = stage.fresh()
    stop = scene.folder / "stop"
    reader = stage.zygote.start(lambda spark: _looks(stage, scene, stop))
    until(stop.with_suffix(".looking"))
    slowly = lambda point: time.sleep(0.15)  # noqa: E731
    for batch in ("n1", "n2"):
        if kill != "":
            stage.drive(scene, batch, on_point=at_pass(kill, die))
        stage.drive(scene, batch, on_point=slowly)
    stop.touch()
    looks, seen, errors = reader.wait()
    allowed = {_digest(stage.expected(name)): name for name in ("before", "amended", "amended, n2")}
    strange = [counts for digest, counts in seen.items() if digest not in allowed]
    faults = [f"in {looks} looks a reader saw {counts}, which is no whole state" for counts in strange]
    faults += [] if looks >= 3 and len(seen) >= 2 else [f"the reader looked only {looks} times and saw {len(seen)} states"]
    return faults + [f"a reader failed: {error}" for error in errors]


def _looks(stage: Stage, scene: Scene, stop: Path) -> tuple[int, dict[str, Any], list[str]]:
    """(number of looks, by digest the states that were seen, errors)."""
    stage.mistake()
    seen: dict[str, Any] = {}
    errors: list[str] = []
    looks = 0
    while not stop.exists():
        stop.with_suffix(".looking").touch()
        looks += 1
        try:
            found = view(scene)
        except Exception as error:  # a reader that fails is what this looks for
            errors.append(f"{type(error).__name__}: {last_line(error)}")
            continue
        seen[_digest(found)] = {table: len(rows) for table, rows in found.items()}
    return looks, seen, errors[:3]


def _digest(seen: View) -> str:
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()
