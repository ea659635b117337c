"""The report of a batch in a notebook."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from pipelines.config import Config
from pipelines.library.settings import Path, config_of
from pipelines.reports.inline import fragment_of
from pipelines.storage.files import read_file
from pipelines.storage.locations import absolute
from pipelines.storage.stores import ENVIRONMENT
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.reading import NotPublished


@dataclass(frozen=True, slots=True)
class ReportPage:
    """`html` is the whole page, a file without scripts at `path`. A notebook shows its short form."""

    path: str
    html: str = field(repr=False)

    def _repr_html_(self) -> str:
        return fragment_of(self.html)


def report(root: Path, batch: str | None = None, *, staged: bool = False, config: Path | Config | None = None) -> ReportPage:
    """The report of a batch; in a notebook, its short form: where every record went, the reasons, and a sample of each dialect.

    `root` is output.root, a folder or a URI; `batch` is by default the one that was published last. With `staged`, the report is that of the batch's
    run that was not published, because a gate failed. `config` is needed only for the settings of stores. Raises NotPublished where there is none.
    """
    output = OutputRoot(absolute(os.fspath(root)), ENVIRONMENT if config is None else config_of(config).stores)
    if batch is None:
        runs = output.runs()
        if not runs:
            raise NotPublished(f"nothing is published under {output.uri}")
        batch = str(runs[-1]["batch"])
    path = f"{output.report_folder(batch)}/{'staged/' if staged else ''}report.html"
    try:
        return ReportPage(path, read_file(path, output.stores).decode())
    except FileNotFoundError:
        what = f"batch {batch} has no unpublished run under {output.uri}" if staged else f"batch {batch} has no report under {output.uri}"
        raise NotPublished(what) from None
