"""Experiments with somebody else at the tables: DELETE, append, OPTIMIZE and VACUUM by deltalake and by Spark SQL, and lost files."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable

from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from pipelines.tables.publication.repair import repair
from tests.crash.scene import Scene, View, leftovers, reader_view, without_batch
from tests.crash.stage import Stage, again, at_pass, last_line, reader_faults
from tests.crash.zygote import die

ALL = ("conversations", "samples", "quarantine", "images", "runs")
ROW = "batch = 'n0' AND episode_id = 'e3'"
RETENTION_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"


def delete(scene: Scene) -> None:
    _table(scene, "conversations").delete(ROW)


def delete_in_batch(scene: Scene) -> None:
    """In the batch that is being replaced."""
    _table(scene, "conversations").delete("batch = 'n1' AND episode_id = 'e2'")


def append(scene: Scene) -> None:
    table = _table(scene, "conversations")
    rows = table.to_pyarrow_table(filters=[("batch", "=", "n0"), ("episode_id", "=", "e3")])
    write_deltalake(table, rows, mode="append")


def optimize(scene: Scene) -> None:
    for name in ALL:
        _table(scene, name).optimize.compact()


def vacuum(scene: Scene) -> None:
    for name in ALL:
        _table(scene, name).vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)


def clean_logs(scene: Scene) -> None:
    """Writes checkpoints and deletes all earlier commits from the logs, as Delta does when they are old, or when a clock is far ahead."""
    for name in ALL:
        for path in (scene.root / name / "_delta_log").iterdir():
            then = path.stat().st_mtime - 400 * 86_400
            os.utime(path, (then, then))
        _table(scene, name).create_checkpoint()
        _table(scene, name).cleanup_metadata()


def _table(scene: Scene, name: str) -> DeltaTable:
    return DeltaTable(str(scene.root / name))


# What readers see after each of them.
Effect = Callable[[View], View]


def _same(seen: View) -> View:
    return seen


def _is_the_row(row: str) -> bool:
    found = json.loads(row)
    return bool(found["batch"] == "n0" and found["episode_id"] == "e3")


def _without_row(seen: View) -> View:
    return seen | {"conversations": [row for row in seen["conversations"] if not _is_the_row(row)]}


def _with_row_twice(seen: View) -> View:
    return seen | {"conversations": sorted([*seen["conversations"], *filter(_is_the_row, seen["conversations"])])}


OPERATIONS: dict[str, tuple[Callable[[Scene], None], str, Effect]] = {
    "DELETE": (delete, f"DELETE FROM {{conversations}} WHERE {ROW}", _without_row),
    "DELETE in the batch": (delete_in_batch, "", _same),  # only before the table has the new rows
    "append": (append, f"INSERT INTO {{conversations}} SELECT * FROM {{conversations}} WHERE {ROW}", _with_row_twice),
    "log clean-up": (clean_logs, "", _same),
    "OPTIMIZE": (optimize, "OPTIMIZE {all}", _same),
    "VACUUM": (vacuum, "VACUUM {all} RETAIN 0 HOURS", _same),
}


def by_spark(spark: SparkSession, scene: Scene, statement: str) -> None:
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()  # every scene has the same path
    spark.conf.set(RETENTION_CHECK, "false")
    for name in ALL if "{all}" in statement else ("",):
        spark.sql(statement.format(all=f"delta.`{scene.root / name}`", conversations=f"delta.`{scene.root / 'conversations'}`")).collect()


def between_runs(stage: Stage, name: str, spark: bool) -> list[str]:
    """Somebody else changes the tables between two runs. That stays, and the next runs publish."""
    operation, statement, effect = OPERATIONS[name]
    scene = stage.fresh()
    stage.zygote.run(lambda session: by_spark(session, scene, statement) if spark else operation(scene))
    faults = reader_faults(stage, scene, [effect(stage.expected("before"))], f"after {name}")
    faults += again(stage, scene, "n1", effect(stage.expected("amended")))
    ended = stage.drive(scene, "n2")
    faults += [] if ended == "published" else [f"the next batch ended as {ended}"]
    faults += reader_faults(stage, scene, [effect(stage.expected("amended, n2"))], "after the next batch")
    return [fault for fault in faults if not fault.startswith("left over")] + own_left_over(stage, scene)


def during_a_run(stage: Stage, name: str, where: int | str) -> list[str]:
    """Somebody else changes the tables while a run is at this point. At worst the run ends with an error, and `repair` brings the root in order."""
    operation, _, effect = OPERATIONS[name]
    scene = stage.fresh()
    ended = stage.drive(scene, "n1", on_point=at_pass(where, lambda point: operation(scene)))
    return _after(stage, scene, ended, effect, may_fail=name == "VACUUM")


def during_a_kill(stage: Stage, name: str, where: int | str) -> list[str]:
    """Somebody else changes the tables after a run was killed, before anybody completes it."""
    operation, _, effect = OPERATIONS[name]
    scene = stage.fresh()
    stage.drive(scene, "n1", on_point=at_pass(where, die))
    stage.zygote.run(lambda session: operation(scene))
    ended = stage.drive(scene, "n1")
    return _after(stage, scene, ended, effect, may_fail=name == "VACUUM")


def _after(stage: Stage, scene: Scene, ended: str, effect: Effect, may_fail: bool) -> list[str]:
    faults: list[str] = []
    if ended not in ("published", "unchanged"):
        faults += [] if may_fail and ended in ("LostRace", "RootDamaged") else [f"the run ended as {ended}"]
        faults += _repaired(stage, scene, effect)
    else:
        faults += reader_faults(stage, scene, [effect(stage.expected("amended"))], "after the run")
    rerun = again(stage, scene, "n1", effect(stage.expected("amended")))
    return faults + [fault for fault in rerun if not fault.startswith("left over")] + own_left_over(stage, scene)


def _repaired(stage: Stage, scene: Scene, effect: Effect) -> list[str]:
    """What is wrong after `repair`: other batches must be whole, and the damaged one whole or not there."""
    try:
        stage.look(lambda: list(repair(scene.output())))
        seen, faults = stage.look(lambda: reader_view(scene))
    except RuntimeError as error:
        return [f"repair: {last_line(error)}"]
    allowed = [effect(stage.expected("before")), effect(stage.expected("amended")), without_batch(effect(stage.expected("before")), "n1")]
    rows = [{table: one[table] for table in ("conversations", "samples", "quarantine")} for one in (seen, *allowed)]
    return faults + ([] if rows[0] in rows[1:] else ["after repair a reader sees a part of a batch"])


def own_left_over(stage: Stage, scene: Scene) -> list[str]:
    """As leftovers, without files that somebody else took out of the tables: those are theirs to delete."""
    found = stage.look(lambda: (leftovers(scene), _ever_added(scene)))
    return [f"left over: {name}" for name in found[0] if name.removesuffix(" belongs to nothing") not in found[1]]


def _ever_added(scene: Scene) -> set[str]:
    logs = [(name, path) for name in ALL for path in (scene.root / name / "_delta_log").glob("*.json")]
    actions = [(name, json.loads(line)) for name, path in logs for line in path.read_text().splitlines()]
    return {f"{name}/{action['add']['path']}" for name, action in actions if "add" in action}


def deleted_row(stage: Stage, newest_only: bool = False) -> list[str]:
    """Somebody deletes a batch's rows of `runs`. Readers do not see the batch any more, and it can be run again."""
    scene = stage.fresh()
    stage.drive(scene, "n1")
    only = " AND version > 1" if newest_only else ""
    stage.zygote.run(lambda session: _table(scene, "runs").delete(f"batch = 'n1'{only}"))
    unpublished = without_batch(stage.expected("before"), "n1")
    allowed = ["before"] if newest_only else [unpublished, without_batch(stage.expected("amended"), "n1")]
    faults = [one for one in reader_faults(stage, scene, allowed, "after the deletion") if "the report of n1" not in one]
    ended = stage.drive(scene, "n2", spark=True)
    faults += [] if ended == "published" else [f"the next batch ended as {ended}"]
    ended = stage.drive(scene, "n1", spark=True)
    faults += [] if ended == "published" else [f"the batch that was deleted ended as {ended}"]
    faults += reader_faults(stage, scene, ["amended, n2"], "after the batch was run again")
    return faults + own_left_over(stage, scene)


def deleted_row_during_a_run(stage: Stage, where: int | str) -> list[str]:
    """Somebody deletes the rows of `runs` of the batch that is being published."""
    scene = stage.fresh()
    ended = stage.drive(scene, "n1", on_point=at_pass(where, lambda point: _table(scene, "runs").delete("batch = 'n1'") and None))
    faults = [] if ended in ("published", "LostRace") else [f"the run ended as {ended}"]
    ended = stage.drive(scene, "n1", spark=True)
    faults += [] if ended in ("published", "unchanged") else [f"the rerun ended as {ended}"]
    allowed = [stage.expected("amended"), _with_image_twice(stage.expected("amended"))]
    return faults + reader_faults(stage, scene, allowed, "after the rerun") + own_left_over(stage, scene)


def _with_image_twice(seen: View) -> View:
    """The catalogue of images may have a picture twice, where the run that first saw it is not known any more when the next one reads the catalogue."""
    return seen | {"images": sorted([*seen["images"], *(row for row in seen["images"] if "/1.png" in row)])}


def lost_file(stage: Stage, table: str) -> list[str]:
    """A file of a published batch is lost. After `repair` its batch is unpublished, the others are whole, and it can be run again."""
    scene = stage.fresh()
    next((scene.root / table).rglob("**/n0.*.parquet")).unlink()
    try:
        stage.look(lambda: list(repair(scene.output())))
    except RuntimeError as error:
        return [f"repair: {last_line(error)}"]
    seen, faults = stage.look(lambda: reader_view(scene))
    wanted = without_batch(stage.expected("before"), "n0")
    faults += [f"after repair: {name} has other rows" for name in ("conversations", "samples", "quarantine") if seen[name] != wanted[name]]
    ended = stage.drive(scene, "n0", spark=True)
    faults += [] if ended == "published" else [f"the batch whose file was lost ended as {ended}"]
    return faults + reader_faults(stage, scene, ["before"], "after the batch was run again") + own_left_over(stage, scene)


def lost_plan(stage: Stage) -> list[str]:
    """A run is killed after its publication, and its plan is lost. The next run says so, and `repair` helps."""
    scene = stage.fresh()
    stage.drive(scene, "n1", on_point=at_pass("conversations: after", die))
    newest = max((scene.root / "_runs").iterdir(), key=lambda path: path.name)
    shutil.copy(newest / "plan.json", scene.folder)
    (newest / "plan.json").unlink()
    ended = stage.drive(scene, "n2")
    faults = [] if ended == "RootDamaged" else [f"the next run ended as {ended}"]
    return faults + _repaired(stage, scene, _same) + again(stage, scene, "n1", "amended")
