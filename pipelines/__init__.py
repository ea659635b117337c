"""Raw agent episode logs to verified, tokenized training tables."""

from __future__ import annotations

import os


def snapshot(root: str | os.PathLike[str]) -> dict[str, int] | dict[str, list[str]]:
    """The newest whole night under this output root: {table: version} of Delta tables, {table: absolute file paths} of Parquet ones.

    {} where nothing was published yet. No Spark is needed; `pipelines.tables.reading` opens the tables that it names.
    """
    # At call time: a Spark worker that imports this package has no use for a Delta reader.
    from pipelines.tables.reading import named_state

    return named_state(os.fspath(root))
