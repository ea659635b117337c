"""A Delta table as a source: the files of its newest version, each with the columns of its partition.

deltalake only reads the log of the table; pipelines/tables/reading.py says why its own reader is not used.
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
from pipelines.visible import noun_for

if TYPE_CHECKING:
    from deltalake import DeltaTable

LOG = "_delta_log"
# Reader features that do not change how rows are read. Deletion vectors are checked separately.
HARMLESS = {"appendOnly", "deletionVectors", "columnMapping", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"}


@dataclass(frozen=True, slots=True)
class LiveFiles:
    """A table at its newest version: the absolute path of every file of it, with the columns that the table adds to its rows."""

    folder: str
    version: int
    columns: dict[str, Columns]


def live_files(folder: str, source: str, stores: Stores = ENVIRONMENT) -> LiveFiles:
    """The table in this folder. Raises ConfigError if its files alone do not give its rows."""
    from deltalake import DeltaTable  # only the driver lists tables; workers need not load it
    from deltalake.exceptions import DeltaError

    try:
        table = DeltaTable(folder, storage_options=table_options(folder, stores))
        if fault := _fault(table):
            raise ConfigError([f"source {source}: the Delta table {folder} {fault}. Write the data to a table without it, and use that table"])
        actions: pa.Table = pa.table(table.get_add_actions())
        return LiveFiles(folder, table.version(), dict(_columns_by_path(actions, folder)))
    except (DeltaError, OSError, ValueError) as error:
        raise ConfigError([f"source {source}: the Delta table {folder} cannot be read: {' '.join(str(error).split())[:300]}"]) from None


def _fault(table: DeltaTable) -> str | None:
    """What the table uses that is not supported; None if everything is."""
    features = set(table.protocol().reader_features or ())
    if "variant" not in table.schema().to_json():  # writers name the feature in tables that have no such column
        features -= {"variantType", "variantType-preview"}
    if unknown := sorted(features - HARMLESS):
        return f"needs {noun_for(len(unknown), 'reader feature')} that {'is' if len(unknown) == 1 else 'are'} not supported: {', '.join(unknown)}"
    if table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
        return "uses column mapping (delta.columnMapping.mode), which is not supported"
    if "deletionVectors" in features and pa.table(table.deletion_vectors()).num_rows:
        return "has deletion vectors, which are not supported: deleted rows would be read"
    return None


def _columns_by_path(actions: pa.Table, folder: str) -> Iterator[tuple[str, Columns]]:
    partitions: list[Any] = actions["partition"].to_pylist() if "partition" in actions.column_names else [{}] * actions.num_rows
    for uri, columns in zip(actions["path"].to_pylist(), partitions, strict=True):
        yield _local(uri, folder), columns


def _local(uri: str, folder: str) -> str:
    """The path of a file. The log has its path in the table's folder, or a full URI, both percent-encoded."""
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", uri):
        return join(folder, unquote(uri)) if is_uri(folder) else os.path.join(folder, unquote(uri))
    if is_uri(folder):  # a table may name files of another table in a store, as a shallow clone does
        return canonical_uri(unquote(uri))
    if urlsplit(uri).scheme != "file":
        raise ValueError(f"its file {uri} is not on a local disk")
    return unquote(urlsplit(uri).path)
