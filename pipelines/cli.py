"""The console script `episodes`. Data goes to stdout, messages and progress to stderr; the exit codes are those of jobs/run.py."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pipelines.config import ConfigError
from pipelines.console import check, listings, published, show, trial
from pipelines.storage.locations import StoreError
from pipelines.visible import visible

OK, USAGE = 0, 2


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except ConfigError as error:
        for fault in error.faults:
            print(visible(f"configuration: {fault}"), file=sys.stderr)
        return USAGE
    except StoreError as error:
        print(visible(f"episodes: {error}"), file=sys.stderr)
        return USAGE
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        print(visible(f"episodes: {_what_failed(error)}"), file=sys.stderr)
        return USAGE
    except BrokenPipeError:  # the reader has closed the pipe, as `head` does
        sys.stdout = None
        return OK


def _what_failed(error: OSError) -> str:
    """
    >>> _what_failed(FileNotFoundError(2, "No such file or directory", "a.jsonl"))
    'no such file or folder: a.jsonl'
    """
    if isinstance(error, FileNotFoundError):
        return f"no such file or folder: {error.filename}"
    return f"{error.filename} is a folder, not a file" if isinstance(error, IsADirectoryError) else f"{error.filename}: permission denied"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="episodes", description="Turns raw agent episode logs into verified, tokenized training tables.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    validate = commands.add_parser("check", help="check a configuration and everything that it names, and report all errors at once")
    validate.add_argument("config", type=Path, metavar="CONF", help="the configuration file")
    _add_settings(validate)
    validate.set_defaults(command=check.check)

    attempt = commands.add_parser("try", help="run the whole pipeline on local files, without Spark")
    _add_config(attempt)
    attempt.add_argument("--json", type=Path, metavar="OUT.jsonl", help="write one JSON object per row to this file; - for stdout")
    attempt.add_argument("files", nargs="+", metavar="FILE", help="a log file; read as the source whose path matches it, or else as the first source")
    attempt.set_defaults(command=trial.run)

    look = commands.add_parser("show", help="show one record: its bytes, its messages, its findings, and its tokens coloured by loss")
    _add_config(look)
    look.add_argument("file", metavar="FILE", help="the log file")
    look.add_argument("--line", type=int, required=True, metavar="N", help="the record: line, array element or row, counted from 1")
    look.add_argument("--dialect", metavar="NAME", help="show the tokens of this dialect only")
    look.set_defaults(command=show.run)

    reasons = commands.add_parser("reasons", help="list the reasons why records are quarantined, repaired or noted; or explain one, with its fix")
    reasons.add_argument("code", nargs="?", metavar="CODE", help="the reason to explain")
    reasons.set_defaults(command=listings.reasons)
    snapshot = commands.add_parser("snapshot", help="print the newest published state of an output root: the version or the files of each table")
    snapshot.add_argument("root", metavar="ROOT", help="the output root")
    snapshot.add_argument("--sql", action="store_true", help="print SQL that defines the tables as views in DuckDB")
    snapshot.set_defaults(command=published.snapshot)

    explain = commands.add_parser("explain", help="show one published record: its bytes, its messages, its state, and every run that saw it")
    explain.add_argument("record_id", metavar="RECORD_ID", help="as in column record_id")
    explain.add_argument("root", nargs="?", metavar="ROOT", help="the output root; by default that of --config")
    explain.add_argument("--config", type=Path, metavar="CONF", help="the configuration file that names the output root")
    explain.add_argument("--json", action="store_true", help="print a JSON array")
    explain.set_defaults(command=published.explain)

    commands.add_parser("formats", help="list the log formats that can be read").set_defaults(command=listings.formats)
    commands.add_parser("dialects", help="list the models that records can be tokenized for").set_defaults(command=listings.dialects)
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, metavar="CONF", help="the configuration file")
    _add_settings(parser)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", metavar="ID", help="the batch; replaces {batch} in the paths of sources")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override one setting, for example output.root=/data/out; may be repeated"
    )


if __name__ == "__main__":
    sys.exit(main())
