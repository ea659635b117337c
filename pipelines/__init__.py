"""Raw agent episode logs to verified, tokenized training tables.

Everything here is loaded when it is first used: a Spark worker that imports this package needs nothing of it. docs/library.md has an example of each.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.library.open_table import open_table
    from pipelines.library.report import report
    from pipelines.library.run_batch import run_batch
    from pipelines.library.show import show
    from pipelines.library.try_files import try_files
    from pipelines.training.dataset import TrainingSet

__all__ = ["TrainingSet", "open_table", "report", "run_batch", "show", "snapshot", "try_files"]

_PLACES = {
    "TrainingSet": "pipelines.training.dataset",
    "open_table": "pipelines.library.open_table",
    "report": "pipelines.library.report",
    "run_batch": "pipelines.library.run_batch",
    "show": "pipelines.library.show",
    "try_files": "pipelines.library.try_files",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def snapshot(root: str | os.PathLike[str]) -> dict[str, int | list[str]]:
    """The published snapshot under this output root: {table: version}.

    A table is given by the absolute paths of its files where the newest run has not reached it yet, or where it has batches that no run has published.

    {} where nothing has been published. Needs no Spark. `pipelines.open_table` opens the tables.
    """
    from pipelines.tables.reading import published_snapshot

    return published_snapshot(os.fspath(root))
