"""The arguments of the commands on an output root."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipelines.console.arguments.command import Commands, command


def add_root_commands(commands: Commands) -> None:
    snapshot = commands.add_parser("snapshot", help="print which version or which files of each table are published")
    add_root(snapshot)
    snapshot.add_argument("--sql", action="store_true", help="print SQL that defines the tables as views in DuckDB")
    snapshot.set_defaults(command=command("published.snapshot"))

    explain = commands.add_parser("explain", help="show what happened to one record: its bytes, its messages, its state, and every run that read it")
    explain.add_argument("record_id", metavar="ID", help="the record_id or sample_id of the tables, or the first characters of it")
    add_root(explain)
    explain.add_argument("--json", action="store_true", help="print a JSON array")
    explain.set_defaults(command=command("published.explain"))

    aside = commands.add_parser("quarantine", help="show the records that were put aside, by reason, source and file, the worst first")
    add_root(aside)
    aside.add_argument("--batch", metavar="ID", help="this batch only; by default all that are published")
    aside.add_argument("--run", metavar="RUN_ID", help="the rows of this run, published or not: its id, or the first characters of it")
    aside.add_argument("--reason", metavar="CODE", help="show the rows with this reason")
    aside.add_argument("--source", metavar="NAME", help="show the rows of this source")
    aside.add_argument("--file", metavar="PATH", help="show the rows of this log file: its path, or the end of its path")
    aside.add_argument("--json", action="store_true", help="print one JSON object per line, without a limit")
    aside.set_defaults(command=command("root.quarantine.run"))

    opening = commands.add_parser("publish", help="publish a run whose gate failed, once you have read its report; who did it and why is kept in table runs")
    opening.add_argument("root", metavar="ROOT", help="the folder with the tables, or its URI")
    opening.add_argument("run_id", metavar="RUN_ID", help="the run, as in the result line and in the report, or the first characters of its id")
    opening.add_argument("--reason", metavar="TEXT", help="why it may be published; kept in table runs, and shown in the report")
    opening.add_argument("--config", type=Path, metavar="CONF", help="a configuration file, for the settings of stores and retention")
    opening.set_defaults(command=command("root.publish.run"))

    leaks = commands.add_parser("audit", help="report tasks and first screens that are on two sides of a split, in two sources, or in test sets; drops nothing")
    add_root(leaks)
    leaks.add_argument("--against", metavar="FOLDER", help="test sets: log files, or files with one task per record")
    leaks.add_argument("--json", action="store_true", help="print one JSON object with all pairs and their evidence")
    leaks.set_defaults(command=command("root.audit.run"))

    compare = commands.add_parser(
        "diff", help="compare two batches, or two runs of one: counts by state, source and reason, files, records that changed state, settings"
    )
    compare.add_argument("root", metavar="ROOT", help="the folder with the tables, or its URI")
    compare.add_argument("a", metavar="A", help="a batch or a run, published or not; of a run id, the first characters are enough")
    compare.add_argument("b", metavar="B", help="the batch or run to compare it with")
    compare.add_argument("--config", type=Path, metavar="CONF", help="a configuration file, for the settings of stores")
    compare.add_argument("--json", action="store_true", help="print one JSON object")
    compare.set_defaults(command=command("diff.run"))

    mend = commands.add_parser("repair", help="bring tables that somebody else has changed, or that version 0.1.0 wrote, to a state that readers can use")
    add_root(mend)
    mend.set_defaults(command=command("root.repair.run"))


def add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("root", nargs="?", metavar="ROOT", help="the folder with the tables, or its URI; by default output.root of --config")
    parser.add_argument("--config", type=Path, metavar="CONF", help="a configuration file, for output.root and the settings of stores")
