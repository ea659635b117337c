"""The console script `episodes`. Data goes to stdout, messages and progress to stderr; the exit codes are those of jobs/run.py.

A command's own code is imported when it runs: `export` works where a trainer is installed and the rest of the pipeline's libraries are not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from pipelines.visible import visible

Command = Callable[[argparse.Namespace], int]
OK, USAGE = 0, 2
TRAINERS = ("minicpm_v", "agentcpm", "glm4", "glm4v", "llamafactory", "trl", "axolotl", "swift", "hf")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        return command(options)
    except _config_error() as error:
        for fault in error.faults:
            print(visible(f"configuration: {fault}"), file=sys.stderr)
        return USAGE
    except _store_error() as error:
        print(visible(f"episodes: {error}"), file=sys.stderr)
        return USAGE
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        print(visible(f"episodes: {_what_failed(error)}"), file=sys.stderr)
        return USAGE
    except BrokenPipeError:  # the reader has closed the pipe, as `head` does
        sys.stdout = None
        return OK


def _command(place: str) -> Command:
    """The command `module.function` of pipelines/console, imported when it runs. Where a library is missing it says what to install."""

    def call(options: argparse.Namespace) -> int:
        file, _, function = place.partition(".")
        try:
            found: Command = getattr(import_module(f"pipelines.console.{file}"), function)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("pipelines"):
                raise
            missing = error.name.partition(".")[0]
            print(f"episodes: this command needs {missing}, which is not installed; run: pip install '/path/to/this/checkout[pipeline]'", file=sys.stderr)
            return USAGE
        return found(options)

    return call


def _config_error() -> Any:
    """The type of error that a wrong configuration raises; () if the room that raises it has not been imported."""
    config = sys.modules.get("pipelines.config")
    return config.ConfigError if config else ()


def _store_error() -> Any:
    """The type of error that an object store raises; () if the file that raises it has not been imported."""
    locations = sys.modules.get("pipelines.storage.locations")
    return locations.StoreError if locations else ()


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
    validate.set_defaults(command=_command("check.check"))

    attempt = commands.add_parser("try", help="run the whole pipeline on local files, without Spark")
    _add_config(attempt)
    attempt.add_argument("--json", type=Path, metavar="OUT.jsonl", help="write one JSON object per row to this file; - for stdout")
    attempt.add_argument(
        "files", nargs="+", metavar="FILE", help="a log file, or a folder of logs; read as the source whose path matches it, or else as the first source"
    )
    attempt.set_defaults(command=_command("trial.run"))

    look = commands.add_parser("show", help="show one record: its bytes, its messages, its findings, and its tokens coloured by loss")
    _add_config(look)
    look.add_argument("file", metavar="FILE", help="the log file")
    look.add_argument("--line", type=int, required=True, metavar="N", help="the record: line, array element or row, counted from 1")
    look.add_argument("--dialect", metavar="NAME", help="show the tokens of this dialect only")
    look.set_defaults(command=_command("show.run"))

    reasons = commands.add_parser("reasons", help="list the reasons why records are quarantined, repaired or noted; or explain one, with its fix")
    reasons.add_argument("code", nargs="?", metavar="CODE", help="the reason to explain")
    reasons.set_defaults(command=_command("listings.reasons"))
    snapshot = commands.add_parser("snapshot", help="print which version or which files of each table are published")
    snapshot.add_argument("root", metavar="ROOT", help="the folder with the tables (output.root of the configuration)")
    snapshot.add_argument("--sql", action="store_true", help="print SQL that defines the tables as views in DuckDB")
    snapshot.set_defaults(command=_command("published.snapshot"))

    explain = commands.add_parser("explain", help="show what became of one record: its bytes, its messages, its state, and every published run that read it")
    explain.add_argument("record_id", metavar="RECORD_ID", help="the whole id, as in column record_id of the tables")
    explain.add_argument("root", nargs="?", metavar="ROOT", help="the folder with the tables; by default output.root of --config")
    explain.add_argument("--config", type=Path, metavar="CONF", help="a configuration file, from which output.root is taken")
    explain.add_argument("--json", action="store_true", help="print a JSON array")
    explain.set_defaults(command=_command("published.explain"))

    _add_export(commands)
    commands.add_parser("formats", help="list the log formats that can be read").set_defaults(command=_command("listings.formats"))
    models = commands.add_parser("dialects", help="list the models for which records can be tokenized; or show what a model of hf can do")
    models.add_argument("--card", metavar="FOLDER", help="show what the chat template and the processor of this model folder can do")
    models.set_defaults(command=_command("listings.dialects"))
    return parser


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    to = commands.add_parser("export", help="write published rows in the form of a trainer, with pictures, a configuration and a README")
    to.add_argument("--to", required=True, choices=TRAINERS, metavar="TRAINER", help=", ".join(TRAINERS))
    to.add_argument("--root", required=True, metavar="ROOT", help="the folder with the tables (output.root of the configuration)")
    to.add_argument("--out", required=True, metavar="DIR", help="the folder to write; it appears only when it is complete")
    to.add_argument("--dialect", metavar="NAME", help="the dialect whose rows to write; needed if several that this trainer takes are published")
    to.add_argument("--split", choices=("train", "val", "test"), help="this split only")
    to.add_argument("--batch", metavar="ID", help="this batch only; by default all that are published")
    to.add_argument("--image-root", action="append", default=[], metavar="[SOURCE=]FOLDER", help="where the pictures are now, if they have moved")
    to.add_argument("--copy", action="store_true", help="copy pictures instead of making hard links")
    to.add_argument("--replace", action="store_true", help="replace what is in DIR by the new export")
    to.set_defaults(command=_command("export.run"))


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
