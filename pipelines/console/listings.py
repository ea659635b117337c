"""`episodes reasons`, `formats`, `dialects` and `settings`."""

from __future__ import annotations

import sys
from argparse import Namespace
from importlib.resources import files

from rich.console import Console
from rich.table import Table

from pipelines.dialects import DIALECTS
from pipelines.dialects.hf import DIFFERENCES, card_of
from pipelines.episodes.steps.layouts import LAYOUTS
from pipelines.formats.examples import EXAMPLES
from pipelines.formats.table import FORMATS
from pipelines.reasons import Reason
from pipelines.tokenizers import BUNDLED
from pipelines.visible import did_you_mean, visible

OK, USAGE = 0, 2


def reasons(options: Namespace) -> int:
    if options.code is None:
        table = _table("code", "stage", "severity", "meaning")
        for reason in Reason:
            table.add_row(reason.code, reason.value.stage, reason.severity, reason.value.meaning)
        _out().print(table)
        return OK
    found = next((reason for reason in Reason if reason.code == options.code), None)
    if found is None:
        near = did_you_mean(options.code, [reason.code for reason in Reason], 3)
        print(visible(f"episodes: unknown reason: {options.code}{near}"), file=sys.stderr)
        return USAGE
    row = found.value
    upstream = [f"upstream  {row.upstream}"] if row.upstream else []
    print("\n".join([row.code, f"stage     {row.stage}", f"severity  {row.severity}", f"meaning   {row.meaning}", f"fix       {row.fix}", *upstream]))
    return OK


def formats(options: Namespace) -> int:
    if options.name is None:
        for name, made in FORMATS.items():
            print(f"{name:18} {made.title}")
        print("with rows: {of: step}")
        for name, layout in LAYOUTS.items():
            print(f"{name:18} {layout.title}")
        return OK
    if options.name not in EXAMPLES:
        print(visible(f"episodes: unknown format: {options.name}{did_you_mean(options.name, EXAMPLES, 3)}"), file=sys.stderr)
        return USAGE
    print(EXAMPLES[options.name].strip())
    return OK


def settings(options: Namespace) -> int:
    print(files("pipelines.console").joinpath("settings.yaml").read_text(encoding="utf-8"), end="")
    return OK


def dialects(options: Namespace) -> int:
    if options.card is not None:
        print("\n".join(card_of(options.card, compare=True).lines()))
        return OK
    table = _table("dialect", "reproduces", "images", "tools", "differences under recipe sound")
    for model in DIALECTS.values():
        images, tools = "yes" if model.plan else "no", "own format" if model.has_tools else "with tool_syntax"
        table.add_row(model.name, model.upstream, images, tools, "\n".join(model.differences) or "none")
    table.add_row("hf", "any model folder with a chat template", "where the model takes them", "where the template has them", "\n".join(DIFFERENCES))
    _out().print(table)
    print(f"bundled tokenizers: {', '.join(BUNDLED)}")
    return OK


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in ("code", "stage", "severity", "dialect"))
    return table


def _out() -> Console:
    """Stdout; wide where it is a pipe, which would otherwise count as 80 columns."""
    return Console() if sys.stdout.isatty() else Console(width=240)
