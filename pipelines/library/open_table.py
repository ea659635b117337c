"""The published tables as pyarrow data sets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipelines.config import Config
from pipelines.library.settings import Path, config_of
from pipelines.storage.locations import absolute
from pipelines.storage.stores import ENVIRONMENT
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.publication.staged import as_of_run, full_run_id
from pipelines.tables.reading import NotPublished, open_files
from pipelines.tables.schema import PARTITIONS
from pipelines.training.tables import SPLITS

if TYPE_CHECKING:
    import pyarrow.dataset as ds


def open_table(
    root: Path,
    table: str,
    *,
    batch: str | None = None,
    split: str | None = None,
    dialect: str | None = None,
    run_id: str | None = None,
    config: Path | Config | None = None,
) -> ds.Dataset:
    """The rows of a published table, or of a `batch`, `split` and `dialect` of it, as a pyarrow data set. Rows are read only when you ask for them.

    `root` is output.root, a folder or a URI, and `table` is conversations, samples, quarantine or images; docs/fields.md explains the columns. Partition
    columns are text. With `run_id`, or its first characters, the table is as that run published it, or as a run whose gate failed would publish it.
    `config` is needed only for the settings of stores. Raises NotPublished where there is no such table, batch, split or dialect; a split without rows is empty.
    """
    output = OutputRoot(absolute(os.fspath(root)), ENVIRONMENT if config is None else config_of(config).stores)
    published = output.published() if run_id is None else as_of_run(output, full_run_id(output, run_id))[0]
    if table not in PARTITIONS or table == "runs":
        raise NotPublished(f"there is no table {table}; the tables are {', '.join(name for name in PARTITIONS if name != 'runs')}")
    runs = published.runs if batch is None else [published.run_of(batch)]
    # A batch that is empty, or has no row for a split, needs no special case: the data set is empty then.
    expected = {"split": SPLITS, "dialect": {name for run in runs for name in run.get("tokenizers") or ()}}
    for name, wanted in (("split", split), ("dialect", dialect)):
        if wanted is not None and name not in PARTITIONS[table]:
            raise NotPublished(f"table {table} is not divided by {name}")
        known = {file.partition[name] for file in published.files(table, batch=batch) if name in file.partition} | {*expected[name]}
        if wanted is not None and wanted not in known:
            raise NotPublished(f"table {table} has no {name} {wanted}; it has {', '.join(sorted(known)) or 'none'}")
    files = published.files(table, batch=batch, split=split, dialect=dialect)
    return open_files(published.root, table, [file.path for file in files], published.fs)
