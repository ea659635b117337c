"""An output root: the tables, and the folders beside them.

conversations/ samples/ quarantine/ images/ runs/   Delta tables
_runs/<run_id>/                                     started.json, plan.json, inputs.parquet, manifest.json, report.html; row.json, opened.json
_work/<run_id>/                                     what a run needs only while it works
_replaced/<run_id>-<table>.json                     names of files that this run took out of a table, for retention
_leases/  _locks/                                   who works on a batch
reports/index.html                                  all batches with links to their reports
reports/<batch>/                                    report and manifest of the batch's newest run
reports/<batch>/staged/                             those of a later run of it that was not published
_record_keys/                                       what other batches have published, for `duplicates: root`
media/                                              pictures that stood in the logs themselves
_errors/                                            tracebacks
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from pyarrow.fs import FileSystem

from pipelines.storage.arrow import arrow_filesystem
from pipelines.storage.files import file_exists, read_file, write_file
from pipelines.storage.stores import ENVIRONMENT, Stores, table_options
from pipelines.tables.schema import COLUMNS, PARTITIONS, Row
from pipelines.training.tables import NotPublished, Published, open_root, run_rows

UNREAD = {"settings", "reasons"}  # columns of `runs` that no run needs, and that are most of its bytes
BATCH_TABLES = ("conversations", "samples", "quarantine")
SNAPSHOT_TABLES = (*BATCH_TABLES, "images")
OnPoint = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class OutputRoot:
    """`uri` is an absolute path or a URI. `on_point` is called with a name at each step that changes what is stored.

    `run_files` has the rows of `runs` by file, as far as they have been read: a run reads the table several times, and it grows with every night.
    """

    uri: str
    stores: Stores = ENVIRONMENT
    on_point: OnPoint = lambda point: None
    run_files: dict[str, list[Row]] = field(default_factory=dict, compare=False, repr=False)

    def path(self, *names: str) -> str:
        return "/".join((self.uri, *names))

    def run_folder(self, run_id: str) -> str:
        return self.path("_runs", run_id)

    def work_folder(self, run_id: str) -> str:
        return self.path("_work", run_id)

    def report_folder(self, batch: str) -> str:
        return self.path("reports", batch)

    def table_options(self) -> dict[str, str] | None:
        """What deltalake needs to open a table here."""
        return table_options(self.uri, self.stores)

    def filesystem(self) -> FileSystem:
        """For pyarrow, with paths relative to the root."""
        return arrow_filesystem(self.uri, self.stores)

    def exists(self, *names: str) -> bool:
        return file_exists(self.path(*names), self.stores)

    def read_json(self, *names: str) -> Any:
        """Raises FileNotFoundError."""
        return orjson.loads(read_file(self.path(*names), self.stores))

    def write_json(self, content: Mapping[str, Any], *names: str) -> None:
        write_file(self.path(*names), orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n", self.stores)

    def runs(self) -> list[Row]:
        """The rows of table `runs`, in the order of their publication; [] where nothing is published. Raises NotPublished for a root of version 0.1.0."""
        return run_rows(self.filesystem(), self.uri, [name for name in COLUMNS["runs"].names if name not in UNREAD], self.run_files)

    def published(self, runs: Sequence[Row] | None = None) -> Published:
        """What is published now, or as of these rows of `runs`. Raises NotPublished."""
        return open_root(self.uri, self.filesystem()) if runs is None else Published(self.uri, tuple(runs), self.filesystem())


__all__ = ["BATCH_TABLES", "PARTITIONS", "SNAPSHOT_TABLES", "NotPublished", "OnPoint", "OutputRoot"]


def newest_of(runs: Sequence[Row], batch: str) -> Row | None:
    """The newest run of this batch."""
    return next((row for row in reversed(runs) if row["batch"] == batch), None)
