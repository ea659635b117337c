"""`episodes show`: one record from its bytes to its tokens, in the terminal or as a page; of a log file, or of the published tables."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable

from pipelines.config import ConfigError, load_config
from pipelines.console.record import Row, View
from pipelines.console.record.local import local_view
from pipelines.console.record.page import record_page
from pipelines.console.record.published import published_view
from pipelines.console.record.text import show_record
from pipelines.storage.locations import absolute
from pipelines.storage.stores import ENVIRONMENT
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.reading import NotPublished
from pipelines.visible import visible

OK, USAGE = 0, 2


def run(options: Namespace) -> int:
    try:
        view, picture = _published(options) if options.root is not None else _local(options)
    except NotPublished as error:
        print(visible(f"episodes: {error}"), file=sys.stderr)
        return USAGE
    if view is None:
        print(visible(f"episodes: {options.record} has no record {options.line}"), file=sys.stderr)
        return USAGE
    if options.html is None:
        show_record(view)
    else:
        options.html.write_text(record_page(view, picture), encoding="utf-8")
        print(visible(f"wrote {options.html}"), file=sys.stderr)
    return OK


def _published(options: Namespace) -> tuple[View | None, Callable[[Row], bytes | None]]:
    if options.line is not None:
        raise ConfigError(["--line is for a log file; with --root, the record is named by its id"])
    stores = ENVIRONMENT if options.config is None else load_config(options.config, options.set).stores
    return published_view(OutputRoot(absolute(options.root), stores), options.record, options.dialect, options.batch, options.run)


def _local(options: Namespace) -> tuple[View | None, Callable[[Row], bytes | None]]:
    missing = [name for name, value in (("--config", options.config), ("--line", options.line)) if value is None]
    if missing:
        options.usage_error(f"for a log file, {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} required; for a published record, --root is")
    return local_view(options.config, options.set, options.dialect, options.record, options.line, options.batch)
