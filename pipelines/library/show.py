"""One record or one row in a notebook."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipelines.config import Config
from pipelines.console.record import Row, View
from pipelines.console.record.local import view_of_row
from pipelines.console.record.page import record_page
from pipelines.console.record.published import picture_of, published_view, view_of_rows
from pipelines.ledger.history import bytes_of_origin
from pipelines.library.settings import Path, config_of
from pipelines.reports.page import template
from pipelines.storage.locations import absolute
from pipelines.storage.stores import ENVIRONMENT
from pipelines.tables.publication.root import OutputRoot

MOST_TOKENS = 4000  # shown in a notebook
NEEDED = {
    "samples": ("sample_id", "input_ids", "labels", "images", "repairs", "dialect", "split", "num_tokens", "num_target_tokens"),
    "conversations": ("sample_id", "step_id", "format", "messages", "images", "split", "batch"),
    "quarantine": ("reason", "dialect", "raw"),
}
ALWAYS = ("record_id", "origin", "findings")


@dataclass(frozen=True, slots=True, repr=False)
class RecordView:
    """A record, which a notebook shows. `html` is a whole page with its pictures in it, as `episodes show --html` writes it."""

    view: View
    picture: Callable[[Row], bytes | None]

    def __repr__(self) -> str:
        return f"<record {self.view.record_id[:12]} at {self.view.path}:{self.view.line}>"

    @property
    def html(self) -> str:
        """With the bytes of the record, and with all its tokens; a notebook shows the first of them."""
        raw = self.view.raw if self.view.raw is not None else next((bytes_of_origin(row["origin"]) for _, row in self.view.rows), None)
        return record_page(replace(self.view, raw=raw), self.picture)

    def _repr_html_(self) -> str:
        return record_page(self.view, self.picture, lambda page: template("record_inline.html").render(page=page), MOST_TOKENS)


def show(
    what: Mapping[str, Any] | Path,
    sample_id: str | None = None,
    *,
    root: Path | None = None,
    config: Path | Config | None = None,
    dialect: str | None = None,
    run_id: str | None = None,
) -> RecordView:
    """A record with its messages, its pictures with their slices, its tokens coloured by loss, and its findings.

    `show(root, sample_id)` shows a published record by its sample_id, its record_id, or the beginning of either: all its rows, or those of one
    `dialect`; with `run_id` or its first characters, as that run had them. `config` is then needed only for the settings of stores.

    `show(row, root=root)` shows one row of table samples, conversations or quarantine, read with all its columns. The root is needed for the text of the
    tokens and for the pictures; for a row of `try_files`, `config` gives them. Raises NotPublished where no record, or more than one, has such an id, and
    ValueError for a row that lacks columns.
    """
    ready = None if config is None else config_of(config)
    stores = ENVIRONMENT if ready is None else ready.stores
    if not isinstance(what, Mapping):
        if not sample_id:
            raise TypeError("show(root, sample_id) needs the id of a record; to show a row, pass the row")
        return RecordView(*published_view(OutputRoot(absolute(os.fspath(what)), stores), sample_id, dialect, None, run_id))
    table, row = _table_of(what), what
    if root is not None:
        output = OutputRoot(absolute(os.fspath(root)), stores)
        published = output.published()
        view = replace(view_of_rows(output, published, row["batch"], [(table, row)]), not_sent=())
        return RecordView(_with_raw(view, row), lambda image: picture_of(published, image))
    if ready is not None:
        view, picture = view_of_row(table, row, ready)
        return RecordView(_with_raw(view, row), picture)
    pieces = {row["dialect"]: "give root= or config="} if table == "samples" else {}
    view = View(row["origin"]["path"], row["origin"]["line"], row["record_id"], None, [(table, row)], pieces)
    return RecordView(_with_raw(view, row), lambda image: None)


def _table_of(row: Mapping[str, Any]) -> str:
    """The table of a row, by its columns. Raises ValueError where it lacks some."""
    table = "samples" if "input_ids" in row else "conversations" if "messages" in row else "quarantine"
    if missing := [name for name in (*ALWAYS, *NEEDED[table]) if name not in row]:
        raise ValueError(f"a row of table {table} needs {', '.join(missing)} to be shown: read it with all its columns")
    return table


def _with_raw(view: View, row: Mapping[str, Any]) -> View:
    """The view with the bytes of a record that was put aside. A row of `episodes try --json` has them as text."""
    raw = row.get("raw")
    return replace(view, raw=raw.encode() if isinstance(raw, str) else raw)
