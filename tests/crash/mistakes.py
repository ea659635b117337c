"""Mistakes planted in publishing and its checks, each with the experiments that must catch it.

A mistake patches the code inside a fork, as a careless change would. `python -m tests.crash --mistakes` plants each of them in turn. A
mistake that no experiment catches fails the campaign.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from tests.crash import campaign as c
from tests.crash import others as o
from tests.crash import races as r
from tests.crash.stage import Stage, broken
from tests.crash.zygote import die

Experiment = Callable[[Stage], list[str]]


class Planted(NamedTuple):
    name: str
    make: Callable[[], Any]
    experiments: tuple[Experiment, ...]


def killed(point: str) -> Experiment:
    """The run is killed the first time that it passes the point with this name."""
    return lambda stage: c.disturbed(stage, point, die)


def alone(point: str) -> Experiment:
    """The same batch runs twice at once without a lock; the first one waits at the point."""
    return lambda stage: r.same_batch_at_once(stage, point, lock=False)


def _patch(module: str, name: str, make: Callable[..., Any]) -> Callable[[], None]:
    """Replaces a function by one that gets the real one first."""

    def plant() -> None:
        from importlib import import_module

        place = import_module(f"pipelines.{module}")
        setattr(place, name, partial(make, getattr(place, name)))

    return plant


def _all(*mistakes: Callable[[], None]) -> Callable[[], None]:
    return lambda: [mistake() for mistake in mistakes] and None


def _nothing(real: Any, *arguments: Any, **named: Any) -> Any:
    """Does not do what the real function does."""


def _none(real: Any, *arguments: Any, **named: Any) -> list[Any]:
    return []


NO_ROW_CHECK = _patch("spark.run.completion", "check_rows", _nothing)
NO_FILE_CHECK = _all(_patch("tables.publication.publish", "missing_files", _none), _patch("tables.publication.complete", "missing_files", _none))


def _always_published(real: Any, *arguments: Any) -> Any:
    return "published", ()


def _lenient(real: Any, books: Any, faults: Any, gates: Any, past: Any) -> Any:
    return real(books, faults, gates.model_copy(update={"max_internal_errors": 9}), past)


def _compare_at_the_end(real: Any, root: Any, plan: Any, row: Any, earlier: Any, days: int) -> Any:
    from pipelines.tables.publication.root import newest_of

    return real(root, plan, row, newest_of(root.runs(), plan.batch), days)


def _retry_the_commit() -> None:
    from pipelines.tables.publication import delta

    real = delta.CommitProperties
    delta.CommitProperties = lambda **named: real(**(named | {"max_commit_retries": 15}))  # type: ignore[assignment, misc]


def _tables_first(real: Any, root: Any, plan: Any, row: Any, earlier: Any, days: int) -> Any:
    from pipelines.tables.publication.delta import commit, files_in, open_delta
    from pipelines.tables.publication.root import BATCH_TABLES

    for table in BATCH_TABLES:
        found = open_delta(root, table)
        commit(root, table, found, plan.tables.get(table, []), files_in(found, plan.batch), run_id=plan.run_id)
        root.on_point(f"early {table}")
    return real(root, plan, row, earlier, days)


def _without_transaction(real: Any, *arguments: Any, applied: Any = None, **named: Any) -> Any:
    return real(*arguments, applied=None, **named)


def _files_of_the_first_look() -> None:
    from pipelines.tables.publication import complete

    real, seen = complete.files_in, {}

    def files_in(found: Any, batch: Any = None) -> Any:
        return seen.setdefault((found.table_uri, batch), real(found, batch)) if found else []

    complete.files_in = files_in


def _sweep_early(real: Any, root: Any, batch: str, runs: Any) -> list[Any]:
    """Removes unfinished runs before anything is published, except the run itself, which has a manifest that was just written."""
    from pipelines.tables.publication.cleaning import remove_run

    found = real(root, batch, runs)
    newest = max((one.run_id for one in found), default="")
    for one in found:
        if one.run_id != newest:
            remove_run(root, one.run_id, batch)
    return []


def _sweep_the_living(real: Any, root: Any, unfinished: Any, version: int) -> None:
    from pipelines.tables.publication import cleaning

    batch = root.runs()[-1]["batch"]
    for one in cleaning.unfinished_runs(root, batch, root.runs()):
        cleaning.remove_run(root, one.run_id, batch)


def _clean_up_always(real: Any, run: Any) -> None:
    from pipelines.tables.publication.cleaning import remove_run

    if run.publishing:
        remove_run(run.root, run.run_id, run.batch)
    else:
        real(run)


def _newest_version(real: Any, fs: Any, folder: str, applied: Any = None) -> Any:
    return real(fs, folder)


def _keep_nothing(real: Any, root: Any, runs: Any, run_id: str, days: int) -> None:
    real(root, runs, run_id, -1)


def _clock_of_the_driver(real: Any, path: str, stores: Any) -> Any:
    return real(path, stores)._replace(modified=time.time_ns())


def _retention_by_the_clock(real: Any, root: Any, runs: Any, run_id: str, days: int) -> None:
    from pipelines.tables.publication import cleaning

    whole = cleaning.stat_file
    cleaning.stat_file = lambda path, stores: _clock_of_the_driver(whole, path, stores) if run_id in path else whole(path, stores)
    real(root, runs, run_id, days)


def _report_first(real: Any, run: Any, output: Any, books: Any, plan: Any, manifest: Any, report: str) -> None:
    run.root.write_json(manifest, "reports", run.batch, "manifest.json")
    real(run, output, books, plan, manifest, report)


def _plan_last() -> None:
    from pipelines.spark.run import completion

    write, publish, held = completion.write_plan, completion.publish, []
    completion.write_plan = lambda root, plan: held.append((root, plan))

    def published(*arguments: Any) -> Any:
        done = publish(*arguments)
        for root, plan in held:
            write(root, plan)
        return done

    completion.publish = published


def _key_of(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[], None]:
    return _patch("spark.run.batch", "input_rows", lambda real, splits: [row | change(row) for row in real(splits)])


def _all_files(real: Any, found: Any, batch: Any = None) -> Any:
    return real(found)


def _no_old_files(real: Any, found: Any, batch: Any = None) -> Any:
    return []


def _only_the_newest(real: Any, root: Any, table: str, runs: Any, days: int) -> Any:
    from pipelines.tables.publication.delta import applied_to, open_delta

    return [] if runs and runs[-1]["version"] <= applied_to(open_delta(root, table)) else real(root, table, runs[-1:], days)


def _order_by_time(real: Any, *arguments: Any) -> Any:
    return sorted(real(*arguments), key=lambda row: row["finished"])


def _take_back_others(real: Any, root: Any, runs: Any, days: int) -> Any:
    """Restores the tables to the versions that the last run published."""
    from pipelines.tables.publication.delta import open_delta
    from pipelines.tables.publication.root import SNAPSHOT_TABLES

    for table in SNAPSHOT_TABLES:
        found = open_delta(root, table)
        if runs and found is not None and found.version() > runs[-1]["versions"][table]:
            found.restore(runs[-1]["versions"][table])
    return real(root, runs, days)


def _everything_of_the_batch(real: Any, root: Any, run_id: str, batch: str) -> None:
    from pipelines.storage.files import delete_files, files_below
    from pipelines.tables.publication.delta import files_in, open_delta
    from pipelines.tables.publication.root import BATCH_TABLES

    for table in BATCH_TABLES:
        live = {root.path(table, file.path) for file in files_in(open_delta(root, table))}
        delete_files([path for path, _ in files_below(root.path(table), root.stores) if f"/batch={batch}/" in path and path not in live], root.stores)


def _whatever_is_in_no_table(real: Any, root: Any, *arguments: Any) -> Any:
    from pipelines.tables.publication.delta import open_delta
    from pipelines.tables.publication.root import SNAPSHOT_TABLES

    for table in SNAPSHOT_TABLES:
        open_delta(root, table).vacuum(0, dry_run=False, full=True, enforce_retention_duration=False)
    return real(root, *arguments)


def _force(real: Any, runs: Any, key: Any, replace: bool, inputs_of: Any) -> Any:
    return real(runs, key, True, inputs_of)


def _redrive_keeps_the_old_rows(real: Any, table: Any, made: Any, picked: Any, batch: str) -> Any:
    from pyspark.sql import functions as F

    return table.where(F.col("batch") == batch).select(*made.columns).unionByName(made)


completion, cleaning, complete, publish = "spark.run.completion", "tables.publication.cleaning", "tables.publication.complete", "tables.publication.publish"
MISTAKES = (
    Planted("publish before balance", _all(_patch(completion, "_verdict", _always_published), NO_ROW_CHECK), (c.bad_batch,)),
    Planted("do not check the plan against the books", NO_ROW_CHECK, (c.lossy_plan,)),
    Planted("last writer wins", _patch(completion, "publish", _compare_at_the_end), (r.overtaken_by_a_killed_run,)),
    Planted("retry the commit of runs without comparing again", _retry_the_commit, (alone("runs: before"),)),
    Planted("commit tables before runs", _patch(completion, "publish", _tables_first), (killed("early conversations"),)),
    Planted("complete without the transaction", _patch(complete, "commit", _without_transaction), (c.amended,)),
    Planted(
        "remove the files of the first look", _files_of_the_first_look, (partial(o.during_a_run, name="DELETE in the batch", where="conversations: before"),)
    ),
    Planted("sweep before publishing", _patch(completion, "unfinished_runs", _sweep_early), (r.second_stopped,)),
    Planted("sweep a run that could still publish", _patch(completion, "remove_unfinished", _sweep_the_living), (r.one_after_the_other,)),
    Planted("clean up after an unknown outcome", _patch("spark.run.batch", "_clean_up", _clean_up_always), (r.lost_answer,)),
    Planted("readers ignore lagging tables", _patch("training.tables", "_add_plan", _nothing), (killed("conversations: after"),)),
    Planted("readers take the newest version", _patch("training.tables", "table_state", _newest_version), (r.reader_between,)),
    Planted("no check that files exist", NO_FILE_CHECK, (partial(o.during_a_run, name="VACUUM", where="plan: written"),)),
    Planted("delete replaced files at once", _patch(completion, "apply_retention", _keep_nothing), (c.older_state_readable,)),
    Planted("retention by the driver's clock", _patch(completion, "apply_retention", _retention_by_the_clock), (partial(c.wrong_clock, days=400),)),
    Planted("never delete replaced files", _patch(completion, "apply_retention", _nothing), (c.retained,)),
    Planted("report first", _patch(completion, "_write_run", _report_first), (killed("manifest: written"),)),
    Planted("forget the report of a killed run", _patch("spark.run.batch", "complete", _none), (killed("runs: after"),)),
    Planted("write the plan last", _plan_last, (killed("runs: after"),)),
    Planted("no gate", _patch(completion, "failed_gates", _none), (c.bad_batch,)),
    Planted("ignore internal errors", _patch(completion, "_verdict", _lenient), (c.internal_error,)),
    Planted("compare file times instead of bytes", _key_of(lambda row: {"sha256": f"{row['sha256']}-{row['modified']}"}), (c.replayed,)),
    Planted("compare file names only", _key_of(lambda row: {"sha256": ""}), (c.amended_again,)),
    Planted("replace without --replace", _patch("spark.run.batch", "compare_with_published", _force), (c.replayed,)),
    Planted("never remove dead runs", _patch(completion, "remove_unfinished", _nothing), (killed("stage outcomes: after"),)),
    Planted("append instead of replace", _patch(complete, "files_in", _no_old_files), (c.amended,)),
    Planted("overwrite the whole table", _patch(complete, "files_in", _all_files), (c.amended,)),
    Planted("complete only the newest run", _patch(complete, "_complete_table", _only_the_newest), (r.both_killed,)),
    Planted("order runs by their times", _patch("training.tables", "run_rows", _order_by_time), (partial(c.wrong_clock, days=-400),)),
    Planted(
        "take back what others have committed", _patch("spark.run.batch", "complete", _take_back_others), (partial(o.between_runs, name="DELETE", spark=False),)
    ),
    Planted(
        "the loser removes the winner's files",
        _all(_patch(cleaning, "remove_run", _everything_of_the_batch), _patch("spark.run.batch", "remove_run", _everything_of_the_batch)),
        (partial(r.second_stopped, how=broken),),
    ),
    Planted(
        "remove what is in no table",
        _patch(completion, "remove_unfinished", _whatever_is_in_no_table),
        (partial(r.two_batches_at_once, number="manifest: written"),),
    ),
    Planted("redrive forgets the others", _patch("spark.run.redrive", "merge_rows", lambda real, table, made, picked, batch: made), (c.redriven,)),
    Planted("redrive keeps the old rows", _patch("spark.run.redrive", "merge_rows", _redrive_keeps_the_old_rows), (c.redriven,)),
)
