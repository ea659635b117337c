"""The console script `episodes`. Data on stdout, words and progress on stderr; exit codes as those of the nightly job."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pipelines.config import ConfigError
from pipelines.console import check, listings, published, show, trial

OK, OUR_FAULT, USAGE, GATE = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except ConfigError as error:
        for fault in error.faults:
            print(f"configuration: {fault}", file=sys.stderr)
        return USAGE
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        print(f"episodes: {error.filename}: {error.strerror}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:  # the reader has enough, as `head` has
        sys.stdout = None
        return OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="episodes", description="Raw agent episode logs to verified, tokenized training tables.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    validate = commands.add_parser("check", help="open what a configuration names, and report all faults at once")
    validate.add_argument("config", type=Path, metavar="CONF")
    _add_settings(validate)
    validate.set_defaults(command=check.check)

    attempt = commands.add_parser("try", help="the whole pipeline on local files, without Spark")
    _add_config(attempt)
    attempt.add_argument("--json", type=Path, metavar="OUT.jsonl", help="one JSON object per row; - is stdout")
    attempt.add_argument("files", nargs="+", metavar="FILE")
    attempt.set_defaults(command=trial.run)

    look = commands.add_parser("show", help="one record: raw, canonical, findings, tokens coloured by loss")
    _add_config(look)
    look.add_argument("file", metavar="FILE")
    look.add_argument("--line", type=int, required=True, metavar="N", help="1-based line, array element or row")
    look.add_argument("--dialect", help="only this one's tokens")
    look.set_defaults(command=show.run)

    reasons = commands.add_parser("reasons", help="the closed list of reasons, or one explained with its fix")
    reasons.add_argument("code", nargs="?")
    reasons.set_defaults(command=listings.reasons)
    snapshot = commands.add_parser("snapshot", help="the newest whole night under an output root: a version or the files of each table")
    snapshot.add_argument("root", metavar="ROOT")
    snapshot.add_argument("--sql", action="store_true", help="as views for DuckDB")
    snapshot.set_defaults(command=published.snapshot)

    explain = commands.add_parser("explain", help="one published record: raw, canonical, verdict, every run that saw it")
    explain.add_argument("record_id", metavar="RECORD_ID")
    explain.add_argument("root", nargs="?", metavar="ROOT", help="the output root; else that of --config")
    explain.add_argument("--config", type=Path)
    explain.add_argument("--json", action="store_true", help="one JSON array on stdout")
    explain.set_defaults(command=published.explain)

    commands.add_parser("formats", help="the raw formats that are read").set_defaults(command=listings.formats)
    commands.add_parser("dialects", help="the models that rows are tokenized for").set_defaults(command=listings.dialects)
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True)
    _add_settings(parser)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", help="what {batch} in the sources' paths stands for")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="overrides one setting")


if __name__ == "__main__":
    sys.exit(main())
