"""docs/commands.md, made from the arguments of the commands."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from pipelines.console.arguments import parser
from pipelines.console.arguments.completion import commands_of

HEAD = """# Commands

All commands of `episodes`, the console script of this package. This page is generated from their arguments. `episodes COMMAND --help` prints the same.

Data goes to stdout, messages and progress go to stderr. Exit codes: 0 done, or nothing to do; 1 an internal error; 2 wrong usage, a wrong configuration or a refused request;
3 a gate failed. The table of exit codes in [scheduling.md](scheduling.md) says what to do."""


def commands_page() -> str:
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    commands = commands_of(parser())
    yield HEAD
    yield from ("", "| command | what it does |", "|---|---|")
    for name, (words, _) in commands.items():
        yield f"| [`episodes {name}`](#episodes-{name}) | {_cell(words)} |"
    for name, (words, sub) in commands.items():
        yield from ("", f"## episodes {name}", "", f"{words[:1].upper()}{words[1:]}.", "")
        yield from ("| argument | meaning |", "|---|---|")
        for action in sub._actions:
            if not isinstance(action, argparse._HelpAction):
                yield f"| `{_name(action)}` | {'required: ' if action.option_strings and action.required else ''}{_cell(action.help or '')} |"


def _name(action: argparse.Action) -> str:
    """`--batch ID`, `--json` or `FILE...`."""
    value = action.metavar if isinstance(action.metavar, str) else "{" + ",".join(map(str, action.choices)) + "}" if action.choices else ""
    if not action.option_strings:
        return f"{value}..." if action.nargs == "+" else f"[{value}]" if action.nargs == "?" else value
    return ", ".join(action.option_strings) + (f" {value}" if action.nargs != 0 and value else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("%%", "%")
