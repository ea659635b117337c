"""The arguments of `episodes`. A command's own code is imported when it runs: `export` works where a trainer is installed and the rest of the
pipeline's libraries are not."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.console.arguments.command import Command, Commands, command
from pipelines.console.arguments.completion import SHELLS, script
from pipelines.console.arguments.root import add_root_commands
from pipelines.console.arguments.runs import add_redrive_arguments, add_run_arguments

__all__ = ["TRAINERS", "Command", "parser"]

TRAINERS = ("minicpm_v", "agentcpm", "glm4", "glm4v", "llamafactory", "trl", "axolotl", "swift", "hf")


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; each sets `command`, a function of the parsed options that returns the exit code."""
    parser = argparse.ArgumentParser(prog="episodes", description="Turns raw agent episode logs into verified, tokenized training tables.")
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    begin = commands.add_parser("init", help="look at the logs and write a working configuration, with a comment on every choice")
    begin.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a log file, or a folder of logs; each becomes a source, or several if its sub-folders have records of different formats or pictures of the same names",
    )
    begin.add_argument("--out", type=Path, default=Path("mine.yaml"), metavar="CONF", help="the file to write (default: mine.yaml); it must not exist")
    begin.set_defaults(command=command("init.run"))

    validate = commands.add_parser("check", help="check a configuration and everything that it names, and report all errors at once")
    validate.add_argument("config", type=Path, metavar="CONF", help="the configuration file")
    _add_settings(validate)
    validate.set_defaults(command=command("check.check"))

    attempt = commands.add_parser("try", help="run the whole pipeline on local files, without Spark")
    _add_config(attempt)
    attempt.add_argument("--json", type=Path, metavar="OUT.jsonl", help="write one JSON object per row to this file; - for stdout")
    attempt.add_argument(
        "files", nargs="+", metavar="FILE", help="a log file, or a folder of logs; read as the source whose path matches it, or else as the first source"
    )
    attempt.set_defaults(command=command("trial.command.run"))

    _add_plan(commands)
    shape = commands.add_parser("shape", help="show the keys of log files with counts, the format that auto chooses, and a draft of `fields` if it finds none")
    shape.add_argument("--records", type=int, default=1000, metavar="N", help="look at the first N records of each file (default: 1000)")
    shape.add_argument("files", nargs="+", metavar="FILE", help="a log file, or a folder of logs")
    shape.set_defaults(command=command("shape.run"))

    _add_show(commands)
    night = commands.add_parser("run", help="run the pipeline on one batch, or on one batch per day, with Spark on this machine, and publish the tables")
    add_run_arguments(night)
    night.set_defaults(command=command("pipelines.spark.run.jobs.run"))
    again = commands.add_parser("redrive", help="run quarantined records again from the bytes that were kept, after a fix of code, configuration or images")
    add_redrive_arguments(again)
    again.set_defaults(command=command("pipelines.spark.run.jobs.redrive"))

    reasons = commands.add_parser("reasons", help="list the reasons why records are quarantined, repaired or noted; or explain one, with its fix")
    reasons.add_argument("code", nargs="?", metavar="CODE", help="the reason to explain")
    reasons.set_defaults(command=command("listings.reasons"))
    add_root_commands(commands)
    _add_export(commands)
    example = commands.add_parser("demo", help="run the pipeline on generated logs with Spark on this machine, and name the report")
    example.add_argument("--out", type=Path, default=Path("demo"), metavar="DIR", help="the folder for logs, configuration and tables (default: demo)")
    example.set_defaults(command=command("pipelines.spark.run.demo.run"))
    formats = commands.add_parser("formats", help="list the log formats that can be read, or print a record of one")
    formats.add_argument("name", nargs="?", metavar="NAME", help="print one record of this format")
    formats.set_defaults(command=command("listings.formats"))
    models = commands.add_parser("dialects", help="list the models for which records can be tokenized; or show what a model of hf can do")
    models.add_argument("--card", metavar="FOLDER", help="show what the chat template and the processor of this model folder can do")
    models.set_defaults(command=command("listings.dialects"))
    settings = commands.add_parser("settings", help="list all settings of a configuration with their defaults and what they mean")
    settings.set_defaults(command=command("listings.settings"))
    shells = commands.add_parser("completion", help="print a script that completes commands and options in a shell: source <(episodes completion bash)")
    shells.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    shells.set_defaults(command=_complete)
    return parser


def _complete(options: argparse.Namespace) -> int:
    print(script(options.shell, parser()), end="")
    return 0


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None):
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"episodes {version('agent-episodes')}")
        except PackageNotFoundError:
            print("episodes, from a checkout that is not installed")
        parser.exit()


def _add_plan(commands: Commands) -> None:
    outlook = commands.add_parser(
        "plan", help="estimate what a run would give under several values of max_tokens, from a sample of the records; nothing is written"
    )
    _add_config(outlook)
    outlook.add_argument(
        "--sample",
        type=_sample,
        default=1000,
        metavar="N",
        help="look at N records chosen at random, more where there are small sources, or at `all` of them (default: 1000)",
    )
    outlook.add_argument("--seed", type=int, default=0, metavar="S", help="choose other records (default: 0); the same seed chooses the same records")
    outlook.add_argument(
        "--pictures",
        choices=("header", "verify"),
        metavar="HOW",
        help="header: read only the sizes of pictures; verify: check them as images.verify says (default with --sample all)",
    )
    outlook.add_argument("--json", action="store_true", help="print one JSON object")
    outlook.add_argument("files", nargs="*", metavar="FILE", help="a log file or a folder of logs (default: the files of all sources)")
    outlook.set_defaults(command=command("plan.run"))


def _sample(text: str) -> int | None:
    """The number of records; None for all."""
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"expected `all` or a whole number of at least 2, found {text!r}")
    return int(text)


def _add_show(commands: Commands) -> None:
    look = commands.add_parser(
        "show", help="show one record: its bytes, its messages, its findings, and its tokens coloured by loss; of a log file, or of the published tables"
    )
    look.add_argument(
        "record", metavar="FILE|ID", help="the log file; with --root, the record_id or sample_id of a published record, or the first characters of it"
    )
    look.add_argument("--line", type=int, metavar="N", help="the record of the file: line, array element or row, counted from 1")
    look.add_argument("--config", type=Path, metavar="CONF", help="the configuration file; with --root only for the settings of stores")
    _add_settings(look)
    look.add_argument("--root", metavar="ROOT", help="the folder with the tables (output.root of the configuration), or its URI")
    look.add_argument("--run", metavar="RUN_ID", help="with --root: as this run had it, published or not; the first characters of its id are enough")
    look.add_argument("--dialect", metavar="NAME", help="show the tokens of this dialect only")
    look.add_argument("--html", type=Path, metavar="OUT.html", help="write a page with the pictures, instead of printing")
    look.set_defaults(command=command("show.run"), usage_error=look.error)


def _add_export(commands: Commands) -> None:
    to = commands.add_parser("export", help="write published rows in the form of a trainer, with pictures, a configuration and a README")
    to.add_argument("--to", required=True, choices=TRAINERS, metavar="TRAINER", help=", ".join(TRAINERS))
    to.add_argument("--root", required=True, metavar="ROOT", help="the folder with the tables (output.root of the configuration)")
    to.add_argument("--out", required=True, metavar="DIR", help="the folder to write; it appears only when it is complete")
    to.add_argument("--dialect", metavar="NAME", help="the dialect whose rows to write; needed if several that this trainer takes are published")
    to.add_argument("--split", choices=("train", "val", "test"), help="this split only")
    to.add_argument("--batch", metavar="ID", help="this batch only; by default all that are published")
    to.add_argument("--image-root", action="append", default=[], metavar="[SOURCE=]FOLDER", help="where the pictures are now, if they have moved")
    to.add_argument("--copy", action="store_true", help="copy pictures instead of making hard links")
    to.add_argument("--replace", action="store_true", help="replace the contents of DIR with the new export")
    to.set_defaults(command=command("export.run"))


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, metavar="CONF", help="the configuration file")
    _add_settings(parser)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", metavar="ID", help="the batch; replaces {batch} in the paths of sources")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override one setting, for example output.root=/data/out; may be repeated"
    )
