"""A Delta table as a source: the files of its newest version, each with its partition's columns.

Only its log is read through deltalake; pipelines/tables/reading.py says why its own reader is not used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from pipelines.config import ConfigError
from pipelines.containers.partitions import Columns
from pipelines.storage.locations import canonical_uri, is_uri, join
from pipelines.storage.stores import ENVIRONMENT, Stores, table_options

if TYPE_CHECKING:
    from deltalake import DeltaTable

LOG = "_delta_log"
# What these say of a table changes nothing in how its files' rows are read. Deletion vectors are looked for one by one.
HARMLESS = {"appendOnly", "deletionVectors", "columnMapping", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"}


@dataclass(frozen=True, slots=True)
class LiveFiles:
    """A table at its newest version: the absolute path of every file of it, with the columns that its rows have beside their own."""

    folder: str
    version: int
    columns: dict[str, Columns]


def live_files(folder: str, source: str, stores: Stores = ENVIRONMENT) -> LiveFiles:
    """The table in this folder. Raises ConfigError, in one sentence, where its files alone do not say what its rows are."""
    from deltalake import DeltaTable  # only the driver lists tables: a worker need not load it
    from deltalake.exceptions import DeltaError

    try:
        table = DeltaTable(folder, storage_options=table_options(folder, stores))
        if fault := _fault(table):
            raise ConfigError([f"source {source}: the Delta table {folder} {fault}; write it anew without that, and name the new table"])
        actions: pa.Table = pa.table(table.get_add_actions())
        return LiveFiles(folder, table.version(), dict(_columns_by_path(actions, folder)))
    except (DeltaError, OSError, ValueError) as error:
        raise ConfigError([f"source {source}: the Delta table {folder} cannot be read: {' '.join(str(error).split())[:300]}"]) from None


def _fault(table: DeltaTable) -> str | None:
    """What about the table is not read, if anything is."""
    features = set(table.protocol().reader_features or ())
    if "variant" not in table.schema().to_json():  # writers name the feature in tables that have no such column
        features -= {"variantType", "variantType-preview"}
    if unknown := sorted(features - HARMLESS):
        return f"needs the reader feature {', '.join(unknown)}, which is not read here"
    if table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
        return "maps its columns to other names (delta.columnMapping.mode), which is not read here"
    if "deletionVectors" in features and pa.table(table.deletion_vectors()).num_rows:
        return "has deletion vectors, which are not read here: deleted rows would come back"
    return None


def _columns_by_path(actions: pa.Table, folder: str) -> Iterator[tuple[str, Columns]]:
    partitions: list[Any] = actions["partition"].to_pylist() if "partition" in actions.column_names else [{}] * actions.num_rows
    for uri, columns in zip(actions["path"].to_pylist(), partitions, strict=True):
        yield _local(uri, folder), columns


def _local(uri: str, folder: str) -> str:
    """The log names a file by its path in the table's folder, or by a URI of its own, both escaped."""
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", uri):
        return join(folder, unquote(uri)) if is_uri(folder) else os.path.join(folder, unquote(uri))
    if is_uri(folder):  # a table may name files of another table in a store, as a shallow clone does
        return canonical_uri(unquote(uri))
    if urlsplit(uri).scheme != "file":
        raise ValueError(f"its file {uri} is not on this machine's disks")
    return unquote(urlsplit(uri).path)
