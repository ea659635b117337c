"""Commits of files that exist already to a Delta table, each at one version or not at all."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterable

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from pipelines.storage.files import names_in
from pipelines.tables.publication.plan import Added
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.schema import COLUMNS, PARTITIONS
from pipelines.training.delta_log import APP

PAUSE_SECONDS = 0.2
IN_LOG = re.compile(r"(\d{20})\.(?:json|crc|checkpoint\.parquet)")  # checkpoints of other tools may have parts
LOG_DAYS = 30  # Delta's default for how long old versions stay readable
# After a checkpoint, deltalake would delete old commits by the driver's clock, which may be wrong; `cleaning.py` does it by the store's times.
HOOKS = PostCommitHookProperties(cleanup_expired_logs=False)


class Outdated(Exception):
    """Somebody else has committed to the table since it was read."""


def open_delta(root: OutputRoot, table: str) -> DeltaTable | None:
    """The newest version of the table; None where there is none yet."""
    try:
        return DeltaTable(root.path(table), storage_options=root.table_options())
    except TableNotFoundError:
        return None


def newest_state(root: OutputRoot, table: str, found: DeltaTable | None) -> DeltaTable | None:
    """As `open_delta`, but of a table that is open already only the commits since are read."""
    if found is None:
        return open_delta(root, table)
    found.update_incremental()
    return found


def newest_version(root: OutputRoot, table: str) -> int:
    """-1 where there is no table yet. Reads the names of the log's files only."""
    names = names_in(root.path(table, "_delta_log"), root.stores)
    return max((int(name[:20]) for name in names if IN_LOG.fullmatch(name)), default=-1)


def applied_to(table: DeltaTable | None) -> int:
    """The newest version of table `runs` whose rows are in this table; -1 for none."""
    found = table.transaction_version(APP) if table is not None else None
    return -1 if found is None else found


def files_in(table: DeltaTable | None, batch: str | None = None) -> list[Added]:
    """The files of the table, or of one batch."""
    if table is None:
        return []
    actions = pa.table(table.get_add_actions(flatten=True))
    names = [name for name in actions.column_names if name.startswith("partition.")]
    rows = actions.select(["path", "size_bytes", *names]).to_pylist()
    return [
        Added(row["path"], row["size_bytes"], {name.removeprefix("partition."): row[name] for name in names}, "{}")
        for row in rows
        if batch is None or row.get("partition.batch") == batch
    ]


def commit(
    root: OutputRoot,
    table: str,
    found: DeltaTable | None,
    added: Iterable[Added],
    removed: Iterable[Added],
    *,
    run_id: str,
    applied: int | None = None,
    days: int = LOG_DAYS,
    same_rows: bool = False,
) -> int:
    """Commits to the version after `found`, or creates the table, and returns the new version. Raises Outdated where that version exists already.

    `applied` is the version of table `runs` whose rows these are. `same_rows` says that rows only moved from some files to others.
    """
    now = time.time_ns() // 1_000_000  # Delta wants a time in every action; nothing here is decided by it
    adds = [AddAction(one.path, one.size, one.values, now, not same_rows, one.stats) for one in added]
    removes = [RemoveAction(one.path, not same_rows, now, one.size, dict(one.values)) for one in removed]
    schema = Schema.from_arrow(pa.schema(list(COLUMNS[table])))
    properties = CommitProperties(
        custom_metadata={"userMetadata": run_id}, max_commit_retries=0, app_transactions=None if applied is None else [Transaction(APP, applied)]
    )
    try:
        if found is None:
            create_table_with_add_actions(
                root.path(table),
                schema,
                adds,
                partition_by=PARTITIONS[table],
                configuration=_properties(days),
                storage_options=root.table_options(),
                commit_properties=properties,
                post_commithook_properties=HOOKS,
            )
            return 0
        version = found.version() + 1
        found.create_write_transaction([*removes, *adds], "append", schema, PARTITIONS[table], commit_properties=properties, post_commithook_properties=HOOKS)
        return version
    except CommitFailedError as error:
        raise Outdated(f"{root.path(table)}: {error}") from None
    except DeltaError as error:
        if "already exists" not in str(error):
            raise
        raise Outdated(f"{root.path(table)}: {error}") from None


def wait_for_others(attempt: int) -> None:
    """Before a commit is tried again: a random time, so that two writers do not meet again."""
    time.sleep(PAUSE_SECONDS * random.random() * min(attempt + 1, 10))


def add_missing_columns(root: OutputRoot, table: str, found: DeltaTable | None) -> DeltaTable | None:
    """Gives a table of an earlier version the columns that it lacks, in a commit of its own. Raises Outdated."""
    if found is None:
        return None
    present = {field.name for field in found.schema().fields}
    missing = [field for field in Schema.from_arrow(pa.schema(list(COLUMNS[table]))).fields if field.name not in present]
    if not missing:
        return found
    try:
        found.alter.add_columns(missing, post_commithook_properties=HOOKS)
    except CommitFailedError as error:
        raise Outdated(f"{root.path(table)}: {error}") from None
    return open_delta(root, table)


def set_retention(found: DeltaTable | None, days: int) -> None:
    """Keeps the table's properties in step with the configuration. Another writer may come first; then the next run does it."""
    if found is None:
        return
    wanted = _properties(days)
    now = found.metadata().configuration
    changed = {name: value for name, value in wanted.items() if now.get(name) != value}
    if changed:
        try:
            found.alter.set_table_properties(changed, post_commithook_properties=HOOKS)
        except CommitFailedError:
            return


def _properties(days: int) -> dict[str, str]:
    return {
        "delta.deletedFileRetentionDuration": f"interval {days} days",
        "delta.logRetentionDuration": f"interval {max(days, LOG_DAYS)} days",
        "delta.checkpointInterval": "20",
        "delta.enableChangeDataFeed": "true",
        # Our readers need whole files, and some platforms turn deletion vectors on by default.
        "delta.enableDeletionVectors": "false",
    }
