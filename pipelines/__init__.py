"""Raw agent episode logs to verified, tokenized training tables."""

from __future__ import annotations

import os


def snapshot(root: str | os.PathLike[str]) -> dict[str, int | list[str]]:
    """The published snapshot under this output root: {table: version}.

    A table is given by the absolute paths of its files where the newest run has not reached it yet, or where it has batches that no run has published.

    {} where nothing has been published. Needs no Spark. `pipelines.reading` opens the tables.
    """
    # Imported here, because a Spark worker that imports this package needs no Delta reader.
    from pipelines.tables.reading import published_snapshot

    return published_snapshot(os.fspath(root))
