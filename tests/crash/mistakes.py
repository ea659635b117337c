"""Mistakes planted in publishing and its checks, each with the experiments that must catch it.

A mistake patches the code inside a fork, as a careless change would. `python -m tests.crash --mistakes` plants each of them in turn. A
mistake that no experiment catches fails the campaign.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.crash import campaign as c
from tests.crash.zygote import die

Experiment = Callable[[c.Stage], list[str]]


@dataclass(frozen=True, slots=True)
class Planted:
    name: str
    make: Callable[[], None]
    experiments: tuple[Experiment, ...]
    forms: tuple[str, ...] = ("delta", "parquet")


def killed(point: str, then: Callable[..., list[str]] = c.disturbed) -> Experiment:
    """The run is killed the first time that it passes the point with this name."""
    return lambda stage: c.next_batch_first(stage, point) if then is c.next_batch_first else c.disturbed(stage, point, die)


def waiting(point: str, experiment: Callable[[c.Stage, int], list[str]]) -> Experiment:
    """Another run starts while this one waits at the point."""
    return lambda stage: experiment(stage, stage.points().index(point))


def _publish_before_balance() -> None:
    from pipelines.spark.run import completion

    completion._verdict = lambda books, faults, gates, past: ("published", ())  # type: ignore[assignment]
    _no_read_back()


def _drop_a_file() -> None:
    from pipelines.spark.run import staging

    whole = staging.write_files

    def without_the_last(work: Any, folder: Path, run_id: str, kinds: Any) -> Any:
        files = whole(work, folder, run_id, kinds)
        last = max((file for file in files.files if file.table == "samples"), default=None)
        return files._replace(files=[file for file in files.files if file != last])

    staging.write_files = without_the_last  # type: ignore[assignment]


def _count_instead_of_read_back() -> None:
    """The books have the rows that should have been written; the committed rows are not read back."""
    from pipelines.ledger.books import Books

    Books.faults = lambda self: []  # type: ignore[method-assign]
    _no_read_back()


def _no_read_back() -> None:
    from pipelines.spark.publishing import publish

    publish._check_row_counts = lambda run, states, books: None  # type: ignore[assignment]


def _no_batch_lock() -> None:
    from pipelines.spark.run import batch as job

    job.batch_lock = _unlocked  # type: ignore[assignment]


def _last_writer_wins() -> None:
    from pipelines.spark.run import completion

    _no_batch_lock()
    completion.check_unchanged = lambda run, earlier: None  # type: ignore[assignment]


@contextmanager
def _unlocked(*arguments: Any) -> Any:
    yield


def _no_publication_lock() -> None:
    from pipelines.spark.run import batch as job
    from pipelines.spark.run import completion

    completion.publication_lock = job.publication_lock = _unlocked  # type: ignore[assignment]


def _runs_before(table: str) -> None:
    """`runs` is written before this table, and names the state that the table will have."""
    from pipelines.spark.publishing import publish, tables

    real = tables.Tables.commit_files
    held: list[Callable[[], Any]] = []

    def commit_files(self: Any, name: str, files: Any, run_id: str, named: Any, replaced: str | None = None) -> Any:
        if name == table:
            held.append(partial(real, self, name, files, run_id, named, replaced))
            return (named or 0) + 1 if self.format == "delta" else _expected(files.of(name), name, named, replaced)
        done = real(self, name, files, run_id, named, replaced)
        if name == "runs":
            for late in held:
                late()
        return done

    tables.Tables.commit_files = commit_files  # type: ignore[method-assign]
    publish._check_row_counts = lambda run, states, books: None  # type: ignore[assignment]


def _expected(parts: Any, table: str, named: Any, replaced: str | None) -> list[str]:
    from pipelines.spark.publishing import parquet_form

    return sorted([*parquet_form._other_batches(named, replaced), *(f"{table}/{part.partition}/{part.name}".replace("//", "/") for _, part in parts)])


def _no_undo() -> None:
    from pipelines.spark.publishing.tables import Tables

    Tables.roll_back = lambda self, run_id: []  # type: ignore[method-assign]


def _undo_samples_only() -> None:
    from pipelines.spark.publishing import delta_form, parquet_form

    for form in (delta_form, parquet_form):
        whole = form.roll_back
        form.roll_back = lambda spark, root, named, run_id, on_point, whole=whole: whole(  # type: ignore[misc]
            spark, root, {name: state for name, state in named.items() if name == "samples"}, run_id, on_point
        )


def _overwrite_the_whole_table() -> None:
    from pipelines.spark.publishing import delta_form, parquet_form

    def whole(folder: Path, added: Any, run_id: str, replaced: str | None) -> None:
        _write(folder, added, run_id, "overwrite")

    delta_form.commit = whole  # type: ignore[assignment]
    parquet_form._other_batches = lambda named, replaced: []  # type: ignore[assignment]


def _append_instead_of_replace() -> None:
    from pipelines.spark.publishing import delta_form, parquet_form

    def appended(folder: Path, added: Any, run_id: str, replaced: str | None) -> None:
        _write(folder, added, run_id, "append")

    delta_form.commit = appended  # type: ignore[assignment]
    parquet_form._other_batches = lambda named, replaced: named or []  # type: ignore[assignment]
    _no_read_back()


def _write(folder: Path, added: Any, run_id: str, mode: str) -> None:
    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable, Schema

    from pipelines.tables.schema import COLUMNS, PARTITIONS

    if added:
        mark = CommitProperties(custom_metadata={"userMetadata": run_id})
        schema = Schema.from_arrow(pa.schema(list(COLUMNS[folder.name])))
        DeltaTable(str(folder)).create_write_transaction(list(added), mode, schema, PARTITIONS[folder.name], commit_properties=mark)


def _read_the_newest_version() -> None:
    from deltalake import DeltaTable

    from pipelines.tables import reading

    reading.table_files = lambda root, table, row=None: (  # type: ignore[assignment]
        DeltaTable(str(Path(root) / table)).file_uris()
        if (Path(root) / table / "_delta_log").is_dir()
        else [str(path) for path in (Path(root) / table).rglob("*.parquet")]
    )


def _key_of_times() -> None:
    from pipelines.spark.publishing import publish

    from pipelines.spark.run import batch as job

    timed = publish.input_rows
    changed = lambda splits: [row | {"sha256": f"{row['sha256']}-{row['modified']}"} for row in timed(splits)]  # noqa: E731
    publish.input_rows = job.input_rows = changed  # type: ignore[assignment]


def _key_of_names() -> None:
    from pipelines.spark.publishing import publish

    from pipelines.spark.run import batch as job

    whole = publish.input_rows
    publish.input_rows = job.input_rows = lambda splits: [row | {"sha256": ""} for row in whole(splits)]  # type: ignore[assignment]


def _no_refusal() -> None:
    from pipelines.spark.run import batch as job

    whole = job.compare_with_published
    job.compare_with_published = lambda runs, key, replace: whole(runs, key, True)  # type: ignore[assignment]


def _sweep_the_living() -> None:
    from pipelines.spark.publishing import recovery

    recovery.is_abandoned = lambda folder: True  # type: ignore[assignment]


def _never_sweep() -> None:
    from pipelines.spark.publishing import recovery

    recovery._remove_abandoned = lambda tables: None  # type: ignore[assignment]


def _retire_first() -> None:
    """Parquet: replaced files are removed before `runs` names the new ones."""
    from pipelines.spark.publishing import parquet_form

    whole = parquet_form.commit_files

    def hasty(root: Path, table: str, parts: Any, run_id: str, named: Any, replaced: str | None, on_point: Any) -> Any:
        for name in set(named or []) - set(parquet_form._other_batches(named, replaced)):
            (root / name).unlink()
        return whole(root, table, parts, run_id, named, replaced, on_point)

    parquet_form.commit_files = hasty


def _copy_in_place() -> None:
    """Parquet: new files are copied instead of renamed, so that a reader of the folder can see half a file."""
    from pipelines.spark.publishing import parquet_form

    def copied(path: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)

    parquet_form._move = copied  # type: ignore[assignment]


def _report_first() -> None:
    """The report is put into place as soon as it is written."""
    from pipelines.spark.run import completion

    made = completion._write_report

    def hasty(run: Any, manifest: Any, report: str) -> Path:
        folder = made(run, manifest, report).parent
        target = run.tables.root / "reports" / run.batch
        target.mkdir(parents=True, exist_ok=True)
        for name in ("report.html", "manifest.json"):
            shutil.copyfile(folder / name, target / name)
        return target / "report.html"

    completion._write_report = hasty  # type: ignore[assignment]


def _forget_the_report() -> None:
    """Only the run itself puts its report into place, so a run that is killed leaves none."""
    from pipelines.spark.publishing import recovery

    from pipelines.spark.run import batch as job

    def sweep_only(tables: Any, run_id: str) -> list[str]:
        undone = tables.roll_back(run_id)
        recovery._remove_abandoned(tables)
        return list(undone)

    job.recover = sweep_only  # type: ignore[assignment]


def _no_gate() -> None:
    from pipelines.spark.run import completion

    completion.failed_gates = lambda books, gates, past=None: []  # type: ignore[assignment]


def _errors_pass() -> None:
    from pipelines.spark.run import completion

    verdict = completion._verdict

    def lenient(books: Any, faults: Any, gates: Any, past: Any) -> Any:
        return verdict(books, faults, gates.model_copy(update={"max_internal_errors": 9}), past)

    completion._verdict = lenient  # type: ignore[assignment]


def _keep_nothing() -> None:
    """Retention deletes everything that the newest state does not need."""
    from pipelines.spark.run import completion

    def at_once(tables: Any, days: int, now: Any) -> None:
        shutil.rmtree(tables.root / "_old", ignore_errors=True)
        if tables.format == "delta":
            tables.spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
            for table in ("conversations", "samples", "quarantine"):
                tables.spark.sql(f"VACUUM delta.`{tables.root / table}` RETAIN 0 HOURS").collect()

    completion.apply_retention = at_once  # type: ignore[assignment]


def _redrive_forgets_the_others() -> None:
    from pipelines.spark.run import redrive

    redrive.merge_rows = lambda table, made, picked, batch: made  # type: ignore[assignment]


def _redrive_keeps_the_old_rows() -> None:
    from pyspark.sql import functions as F

    from pipelines.spark.run import redrive

    def kept(table: Any, made: Any, picked: Any, batch: str) -> Any:
        return made if table is None else table.where(F.col("batch") == batch).select(*made.columns).unionByName(made)

    redrive.merge_rows = kept  # type: ignore[assignment]


MISTAKES = (
    Planted("publish before balance", _publish_before_balance, (c.bad_batch,)),
    Planted("drop a file", _drop_a_file, (c.amended,)),
    Planted("count instead of read back", _count_instead_of_read_back, (c.lossy_commit,)),
    Planted("do not read a commit back", _no_read_back, (c.lossy_commit,)),
    Planted("last writer wins", _last_writer_wins, (waiting("manifest: staged", c.same_batch_at_once),)),
    Planted("no batch lock, only the check before publishing", _no_batch_lock, (waiting("samples: after", c.same_batch_at_once),)),
    Planted("no publication lock", _no_publication_lock, (waiting("samples: after", c.two_batches_at_once),)),
    Planted("publish runs before samples", partial(_runs_before, "samples"), (killed("samples: before"),)),
    Planted("publish runs before conversations", partial(_runs_before, "conversations"), (killed("conversations: before"),)),
    Planted("publish runs before images", partial(_runs_before, "images"), (killed("images: before"),)),
    Planted("never roll back", _no_undo, (killed("samples: after", c.next_batch_first),)),
    Planted("roll back samples only", _undo_samples_only, (killed("samples: after", c.next_batch_first),)),
    Planted("overwrite the whole table", _overwrite_the_whole_table, (c.amended,)),
    Planted("append instead of replace", _append_instead_of_replace, (c.amended,)),
    Planted("read the newest version", _read_the_newest_version, (killed("samples: after"),)),
    Planted("compare file times instead of bytes", _key_of_times, (c.replayed,)),
    Planted("compare file names only", _key_of_names, (c.amended_again,)),
    Planted("replace without --replace", _no_refusal, (c.replayed,)),
    Planted("remove the staging folder of a running run", _sweep_the_living, (waiting("manifest: staged", c.two_batches_at_once),)),
    Planted("never remove staging folders", _never_sweep, (killed("stage outcomes: after"),)),
    Planted("remove replaced files before writing runs", _retire_first, (killed("samples: before"), killed("conversations: after")), ("parquet",)),
    Planted("copy instead of rename", _copy_in_place, (c.amended,), ("parquet",)),
    Planted("report first", _report_first, (killed("manifest: staged"), killed("conversations: before"))),
    Planted("forget the report of a killed run", _forget_the_report, (killed("runs: after"),)),
    Planted("no gate", _no_gate, (c.bad_batch,)),
    Planted("ignore internal errors", _errors_pass, (c.internal_error,)),
    Planted("delete older states at once", _keep_nothing, (c.older_state_readable,)),
    Planted("redrive forgets the others", _redrive_forgets_the_others, (c.redriven,)),
    Planted("redrive keeps the old rows", _redrive_keeps_the_old_rows, (c.redriven,)),
)
