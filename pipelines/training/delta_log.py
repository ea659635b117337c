"""The files of a Delta table at one version, read from its log with json and pyarrow alone.

Source of the format: PROTOCOL.md of delta-io/delta, reader versions 1 to 3. What this reader does not know it refuses in one clear error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import pyarrow.parquet as pq


class NotPublished(Exception):
    """There is no such table or batch under this root, its state no longer exists, or it cannot be read without Delta Lake."""


class DataFile(NamedTuple):
    """A Parquet file and the values of its partition columns, as text."""

    path: Path
    partition: dict[str, str]


Action = Mapping[str, Any]
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10}))?\.parquet")
# Reader features that change nothing for a reader of plain files; a file that has a deletion vector is refused by itself.
_FEATURES = {"deletionVectors", "timestampNtz", "vacuumProtocolCheck"}


def is_delta(folder: Path) -> bool:
    return (folder / "_delta_log").is_dir()


def files_at(folder: Path, version: int | None = None) -> list[DataFile]:
    """The data files of this version of the table, the newest where none is given. Raises NotPublished."""
    log = folder / "_delta_log"
    commits = {int(found[1]): path for path in log.iterdir() if (found := _COMMIT.fullmatch(path.name))}
    checkpoints = _whole_checkpoints(log)
    newest = max([*commits, *checkpoints], default=-1)
    wanted = newest if version is None else version
    if not 0 <= wanted <= newest:
        raise NotPublished(f"{folder}: version {'of any number' if version is None else version} is not in the log, whose newest version is {newest}")
    start = max((number for number in checkpoints if number <= wanted), default=-1)
    if lost := [number for number in range(start + 1, wanted + 1) if number not in commits]:
        raise NotPublished(f"{folder}: version {wanted} cannot be read any more, since commit {lost[0]} is gone from the log")
    live: dict[str, Action] = {}
    for path in checkpoints.get(start, []):
        _apply(live, _checkpoint_actions(path), folder)
    for number in range(start + 1, wanted + 1):
        _apply(live, _commit_actions(commits[number]), folder)
    return [_data_file(folder, add) for add in live.values()]


def _whole_checkpoints(log: Path) -> dict[int, list[Path]]:
    """The classic checkpoints that have all their parts."""
    parts: dict[tuple[int, int], list[Path]] = {}
    for path in sorted(log.iterdir()):
        if found := _CHECKPOINT.fullmatch(path.name):
            parts.setdefault((int(found[1]), int(found[3] or 1)), []).append(path)
    return {number: paths for (number, count), paths in parts.items() if len(paths) == count}


def _commit_actions(path: Path) -> Iterator[Action]:
    return (json.loads(line) for line in path.read_bytes().split(b"\n") if line.strip())


def _checkpoint_actions(path: Path) -> Iterator[Action]:
    file = pq.ParquetFile(path)
    names = [name for name in ("protocol", "metaData", "add", "sidecar") if name in file.schema_arrow.names]
    for batch in file.iter_batches(columns=names):
        yield from batch.to_pylist(maps_as_pydicts="strict")


def _apply(live: dict[str, Action], actions: Iterator[Action], folder: Path) -> None:
    """Adds and removes files; a file is named by its path."""
    for action in actions:
        _refuse_unknown(action, folder)
        if add := action.get("add"):
            live[add["path"]] = add
        if remove := action.get("remove"):
            live.pop(remove["path"], None)


def _refuse_unknown(action: Action, folder: Path) -> None:
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


def _data_file(folder: Path, add: Action) -> DataFile:
    name = unquote(add["path"])
    if name.startswith("/") or ".." in name.split("/") or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", name):
        raise NotPublished(f"{folder}: the file {name} lies outside the table's folder; read the table with deltalake or Spark")
    return DataFile(folder / name, {key: value for key, value in (add.get("partitionValues") or {}).items() if value is not None})
