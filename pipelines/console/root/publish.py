"""`episodes publish`: publishes a run whose gate failed, after a look; the row of `runs` says who opened the gate and why."""

from __future__ import annotations

import getpass
import socket
import sys
from argparse import Namespace
from collections.abc import Sequence

from pipelines.console.published import root_of
from pipelines.reports.index import write_index
from pipelines.storage.locks import LostRace
from pipelines.tables.publication.complete import RootDamaged
from pipelines.tables.publication.gate_opening import CannotOpen, publish_staged
from pipelines.tables.publication.publish import RowCountMismatch
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.publication.staged import full_run_id
from pipelines.tables.reading import NotPublished
from pipelines.tables.schema import Row
from pipelines.visible import counted, visible

OK, INTERNAL_ERROR, USAGE = 0, 1, 2


def run(options: Namespace) -> int:
    uri, stores, days = root_of(options)
    root = OutputRoot(uri, stores)
    try:
        run_id = full_run_id(root, options.run_id)
        opened = publish_staged(root, run_id, _who(), options.reason, None if options.config is None else days, _say)
    except (CannotOpen, NotPublished, LostRace, RootDamaged) as error:
        _say(f"episodes: {error}")
        return USAGE
    except RowCountMismatch as error:
        _say(f"episodes: {error}")
        return INTERNAL_ERROR
    row = opened.row
    if not opened.is_new:
        print(f"nothing to do: run {row['run_id']} {_state(row, root.runs())}")
        return OK
    for gate in row["opened"]["gates"]:
        print(visible(f"this gate had failed: {gate}"))
    write_index(root, root.runs())
    states = f"{counted(row['states']['records'], 'record')}, {row['quarantined_share']:.2%} quarantined"
    why = f": {row['opened']['reason']}" if row["opened"]["reason"] else ""
    print(visible(f"opened by {row['opened']['by']}{why}"))
    print(visible(f"published batch {row['batch']}, run {row['run_id']}: {states}"))
    print(visible(f"report {root.report_folder(row['batch'])}/report.html"))
    return OK


def _state(row: Row, runs: Sequence[Row]) -> str:
    """What a published run is now: published, or replaced, or partly run again, by the newest run of its batch."""
    later = [other for other in runs if other["batch"] == row["batch"] and other["version"] > row["version"]]
    replaced = [other for other in later if other["kind"] == "batch"]
    if replaced:
        return f"was published and replaced by run {replaced[-1]['run_id']}"
    return f"is published; run {later[-1]['run_id']} has run some of its records again" if later else "is published"


def _who() -> str:
    """`ana@host`; in a container without an entry for the user, the host alone."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError, ImportError):
        return socket.gethostname()


def _say(text: str) -> None:
    print(visible(text), file=sys.stderr)
