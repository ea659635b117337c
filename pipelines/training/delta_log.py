"""The files of a Delta table, read from its log with json and pyarrow alone.

Source of the format: PROTOCOL.md of delta-io/delta, reader versions 1 to 3. What this reader does not know it refuses in one clear error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

APP = "agent-episodes"  # the application id of our transactions in the logs of Delta tables


class NotPublished(Exception):
    """There is no such table or batch under this root, its state no longer exists, or it cannot be read without Delta Lake."""


class DataFile(NamedTuple):
    """A Parquet file, by its path below the root, and the values of its partition columns, as text."""

    path: str
    partition: dict[str, str]


Action = Mapping[str, Any]
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10}))?\.parquet")
# Reader features that change nothing for a reader of plain files; a file that has a deletion vector is refused by itself.
_FEATURES = {"deletionVectors", "timestampNtz", "vacuumProtocolCheck"}
_READ = {"protocol": None, "metaData": ("configuration",), "add": ("path", "partitionValues", "deletionVector"), "sidecar": None, "txn": None}


@dataclass(slots=True)
class TableState:
    """A table at one version. `in_log` is the newest version of table `runs` whose rows its log has, -1 for none."""

    version: int = -1
    in_log: int = -1
    is_version: bool = True  # whether the files are exactly those of the version
    files: dict[str, DataFile] = field(default_factory=dict)


def table_state(fs: FileSystem, folder: str, applied: int | None = None) -> TableState:
    """The newest state of a table, or the newest in which no run after `applied` is; version -1 where there is no table.

    `fs` is rooted at the output root. Raises NotPublished where the log does not reach back that far.
    """
    commits, checkpoints = _log_of(fs, f"{folder}/_delta_log")
    newest = max([*commits, *checkpoints], default=-1)
    for start in [*sorted(checkpoints, reverse=True), -1]:
        state = TableState(start)
        for path in checkpoints.get(start, ()):
            _apply(state, _checkpoint_actions(fs, path), folder)
        if applied is not None and state.in_log > applied:
            continue
        for number in range(start + 1, newest + 1):
            if number not in commits:
                raise NotPublished(f"{folder}: the state that is asked for cannot be read any more, since commit {number} is gone from the log")
            actions = list(_commit_actions(fs, commits[number]))
            if applied is not None and _applied_by(actions) > applied:
                break
            _apply(state, iter(actions), folder)
            state.version = number
        return state
    return TableState()


def _log_of(fs: FileSystem, log: str) -> tuple[dict[int, str], dict[int, list[str]]]:
    """The commits, and the classic checkpoints that have all their parts, by version."""
    from pyarrow.fs import FileSelector

    commits: dict[int, str] = {}
    parts: dict[tuple[int, int], list[str]] = {}
    for info in sorted(fs.get_file_info(FileSelector(log, allow_not_found=True)), key=lambda info: str(info.path)):
        name = info.path.rpartition("/")[2]
        if found := _COMMIT.fullmatch(name):
            commits[int(found[1])] = f"{log}/{name}"
        elif found := _CHECKPOINT.fullmatch(name):
            parts.setdefault((int(found[1]), int(found[3] or 1)), []).append(f"{log}/{name}")
    return commits, {number: paths for (number, count), paths in parts.items() if len(paths) == count}


def _commit_actions(fs: FileSystem, path: str) -> Iterator[Action]:
    with fs.open_input_stream(path) as stream:
        data = stream.read()
    return (json.loads(line) for line in data.split(b"\n") if line.strip())


def _checkpoint_actions(fs: FileSystem, path: str) -> Iterator[Action]:
    with fs.open_input_file(path) as source, pq.ParquetFile(source) as file:
        present = {name: {field.name for field in file.schema_arrow.field(name).type} for name in file.schema_arrow.names}
        columns: list[str] = []
        for name, wanted in _READ.items():
            if name in present:
                columns += [f"{name}.{one}" for one in wanted if one in present[name]] if wanted else [name]
        for batch in file.iter_batches(columns=columns):
            # Most rows are of removed files, of which nothing is read.
            is_read = np.logical_or.reduce([column.is_valid().to_numpy(zero_copy_only=False) for column in batch.columns])
            yield from batch.filter(pa.array(is_read)).to_pylist(maps_as_pydicts="strict")


def _applied_by(actions: list[Action]) -> int:
    return max((action["txn"]["version"] for action in actions if (action.get("txn") or {}).get("appId") == APP), default=-1)


def _apply(state: TableState, actions: Iterator[Action], folder: str) -> None:
    """Adds and removes files; a file is named by its path."""
    for action in actions:
        _refuse_unknown(action, folder)
        if add := action.get("add"):
            state.files[add["path"]] = _data_file(folder, add)
        if remove := action.get("remove"):
            state.files.pop(remove["path"], None)
        if (txn := action.get("txn")) and txn["appId"] == APP:
            state.in_log = txn["version"]


def _refuse_unknown(action: Action, folder: str) -> None:
    protocol, metadata = action.get("protocol") or {}, action.get("metaData") or {}
    unknown = set(protocol.get("readerFeatures") or ()) - _FEATURES
    if protocol.get("minReaderVersion", 1) > 3 or unknown:
        raise NotPublished(f"{folder}: the table needs a Delta reader with {', '.join(sorted(unknown)) or 'a newer protocol'}; read it with deltalake or Spark")
    if (metadata.get("configuration") or {}).get("delta.columnMapping.mode", "none") != "none":
        raise NotPublished(f"{folder}: the table maps its columns to other names; read it with deltalake or Spark")
    if action.get("sidecar"):
        raise NotPublished(f"{folder}: the checkpoint keeps its files in sidecars; read it with deltalake or Spark")
    if (action.get("add") or {}).get("deletionVector"):
        raise NotPublished(f"{folder}: rows were deleted by a deletion vector; read it with deltalake or Spark, or rewrite it with REORG ... APPLY (PURGE)")


def _data_file(folder: str, add: Action) -> DataFile:
    name = unquote(add["path"])
    if name.startswith("/") or ".." in name.split("/") or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", name):
        raise NotPublished(f"{folder}: the file {name} lies outside the table's folder; read the table with deltalake or Spark")
    return DataFile(f"{folder}/{name}", {key: value for key, value in (add.get("partitionValues") or {}).items() if value is not None})
