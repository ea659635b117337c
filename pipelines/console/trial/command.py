"""`episodes try`: the whole pipeline on local files, in one process and without Spark. It writes nothing but the file named by --json."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pipelines.config import load_config
from pipelines.console.trial import json_row, try_listed
from pipelines.flow import open_flow
from pipelines.local import files_of_no_source, list_files, with_folders
from pipelines.records import Outcome, RawRecord
from pipelines.visible import counted, visible


def run(options: Namespace) -> int:
    written = load_config(options.config, options.set)
    config = with_folders(written, options.files, options.batch)
    flow = open_flow(config)
    listing = list_files(config, options.files, options.batch)
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    if len(written.sources) > 1 and (others := files_of_no_source(written, listing.files, options.batch)):
        console.print(visible(f"{counted(others, 'file')} at no path of a source, read as the first source, {written.sources[0].name}"))
    with _writer(options) as file, _progress(console, len(listing.files)) as bars:

        def write(outcome: Outcome) -> None:
            if file:
                file.write(orjson.dumps(json_row(outcome, options.batch or "", config), option=orjson.OPT_SERIALIZE_NUMPY) + b"\n")

        trial = try_listed(flow, listing, write, lambda record: bars.advance(), bars.read)
    for line in trial.summary():
        console.print(visible(line))
    if trial.worst_place is not None:
        given = [f"--batch {shlex.quote(options.batch)} " if options.batch else "", *(f"--set {shlex.quote(one)} " for one in options.set)]
        path, number = trial.worst_place
        console.print(visible(f"next: episodes show --config {shlex.quote(str(options.config))} {''.join(given)}{shlex.quote(path)} --line {number}"))
    return trial.exit_code


@contextmanager
def _writer(options: Namespace) -> Iterator[BinaryIO | None]:
    if options.json is None:
        yield None
    elif str(options.json) == "-":
        yield sys.stdout.buffer
    else:
        with options.json.open("wb") as file:
            yield file


class _Bars:
    """Reading, by files; then all stages, by records, whose number is known when all files are read."""

    def __init__(self, bars: Progress, files: int):
        self._bars, self._paths, self._records = bars, set[str](), 0
        self._reading = bars.add_task("read", total=files, amount="")
        self._working: TaskID | None = None

    def read(self, raw: RawRecord) -> None:
        self._paths.add(raw.origin.path)
        self._records += 1
        self._bars.update(self._reading, completed=len(self._paths) - 1, amount=counted(self._records, "record"))

    def advance(self) -> None:
        if self._working is None:
            self._bars.update(self._reading, completed=self._bars.tasks[0].total or 0)
            self._working = self._bars.add_task("run", total=self._records, amount="")
        self._bars.advance(self._working)
        task = self._bars.tasks[1]
        rate = f", {task.speed:,.0f} per second" if task.speed else ""
        self._bars.update(self._working, amount=f"{int(task.completed):,} of {counted(self._records, 'record')}{rate}")


@contextmanager
def _progress(console: Console, files: int) -> Iterator[_Bars]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[amount]}"), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        yield _Bars(bars, files)
