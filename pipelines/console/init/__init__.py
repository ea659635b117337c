"""`episodes init`: a configuration that works, from a look at the logs, with a comment on every choice.

parts.py   what becomes a source each: a file, a folder, or its sub-folders; and {batch} where names are dates
look.py    a few records of each source, read as a run would read them
images.py  the folders in which the pictures of these records are
ids.py     the field that holds the id of the episode
text.py    the configuration as text
"""

from __future__ import annotations

import os
import shlex
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from pipelines.config import ConfigError, load_config
from pipelines.console.init.look import RECORDS_PER_FILE, Looked, find_parts, look_at, look_at_folders, outcomes_of
from pipelines.console.init.parts import DATE, Part, batch_of
from pipelines.console.init.text import configuration_text, max_tokens_for
from pipelines.visible import counted, visible

OK, USAGE = 0, 2
MOST_TRIED = 3  # files in the command that comes next


def run(options: Namespace) -> int:
    """Writes the file and says what to do next. Raises ConfigError and FileNotFoundError."""
    out: Path = options.out
    if out.exists():
        raise ConfigError([f"{out} exists already; name another file with --out"])
    parts = [part for path in options.files for part in find_parts(path)]
    if empty := [part.top for part in parts if not part.files]:
        raise ConfigError([f"no records in {path}" for path in empty])
    looked = [inner for part in parts for inner in look_at_folders(look_at(part, "logs"))]
    parts = [one.part for one in looked]
    looked = [replace(one, name=name) for one, name in zip(looked, _names([part.folder for part in parts]), strict=True)]
    if empty := [one.part.folder for one in looked if not one.raws]:
        raise ConfigError([f"no records in {path}" for path in empty])
    batch = batch_of(parts)
    out.parent.mkdir(parents=True, exist_ok=True)
    text = configuration_text(looked, batch, out, None)
    out.write_text(text, encoding="utf-8")
    try:
        results = outcomes_of(load_config(out), looked)
        out.write_text(configuration_text(looked, batch, out, max_tokens_for(results)), encoding="utf-8")
        results = outcomes_of(load_config(out), looked)
    except BaseException:
        out.unlink()
        raise
    lines = [*_found(looked), *_batch_words(parts, batch), *results.lines(), f"wrote {out}", *_next(parts, batch, out)]
    print(visible("\n".join(lines)), file=sys.stderr)
    return OK


def _names(paths: list[str]) -> list[str]:
    """A name for each source: that of its file or folder; the folder above where two are the same.

    >>> _names(["logs/gui", "logs/tools.jsonl.gz", "more/gui", "logs/chat-2026-11-01.jsonl", "shop/2026-11-01"])
    ['logs-gui', 'tools', 'more-gui', 'chat', 'shop']
    """
    stems = [_stem(path) for path in paths]
    twice = {stem for stem in stems if stems.count(stem) > 1}
    longer = [f"{_stem(os.path.dirname(os.path.abspath(path)))}-{stem}" if stem in twice else stem for path, stem in zip(paths, stems, strict=True)]
    return [name if longer.count(name) == 1 else f"{name}-{longer[:i].count(name) + 1}" for i, name in enumerate(longer)]


def _stem(path: str) -> str:
    """The name without dates and endings; that of the folder above where nothing is left."""
    whole = Path(path).resolve()
    name = DATE.sub("-", whole.name)
    letters = "".join(char if char.isalnum() or char in "-_" else "-" for char in name.partition(".")[0]).strip("-_")
    return letters or (_stem(str(whole.parent)) if whole.parent != whole else "logs")


def _found(looked: list[Looked]) -> Iterator[str]:
    tops = dict.fromkeys(one.part.top for one in looked if one.part.is_split)
    for top in tops:
        several = [one.name for one in looked if one.part.is_split and one.part.top == top]
        yield f"{top}: its sub-folders have records of different formats, so there are {len(several)} sources: {', '.join(several)}"
    for top in dict.fromkeys(one.part.top for one in looked if one.part.own):
        several = [one.name for one in looked if one.part.own and one.part.top == top]
        yield f"{top}: the names of pictures repeat in its sub-folders, so there are {len(several)} sources, each with its own image_root: {', '.join(several)}"
    for one in looked:
        files = counted(len(one.part.files), "file")
        yield f"source {one.name}: {files}; looked at up to {RECORDS_PER_FILE} records of each file, {len(one.raws):,} in all; {one.formats_words()}"
        yield from (f"source {one.name}: {why}" for why in one.whys)
        if one.images.repeats:
            yield f"source {one.name}: {one.images.repeats_words()}"
        if one.repeated is not None:
            yield f"source {one.name}: {one.repeated.words()}; the configuration has fold: prefix, with which {one.repeated.folded_words()}"


def _batch_words(parts: list[Part], batch: str | None) -> list[str]:
    """That names are dates, and so what a batch is."""
    if batch is None:
        return []
    dates = sorted({day for part in parts for day in part.dates})
    several = f"{counted(len(dates), 'date')}, {dates[0]} to {dates[-1]}" if len(dates) > 1 else dates[0]
    lines = [f"the logs are named by date ({several}): {{batch}} in the paths stands for the date, and a run reads the logs of one date, with --batch {batch}"]
    if len(dates) > 1 and _are_days_in_a_row(dates):
        lines.append(f"to run all dates: --backfill {dates[0]}..{dates[-1]} instead of --batch")
    return lines


def _are_days_in_a_row(dates: list[str]) -> bool:
    """Whether these are all days from the first to the last, as `--backfill` names them.

    >>> _are_days_in_a_row(["2026-11-30", "2026-12-01"]), _are_days_in_a_row(["20261130", "20261201"])
    (True, False)
    """
    try:
        days = [date.fromisoformat(day) for day in dates]
    except ValueError:
        return False
    return [str(day) for day in days] == dates and all(after - before == timedelta(1) for before, after in pairwise(days))


def _next(parts: list[Part], batch: str | None, out: Path) -> list[str]:
    given = f" --batch {batch}" if batch else ""
    firsts = [shlex.quote(files[0].path) for part in parts if (files := part.files_of(batch))]
    config = shlex.quote(str(out))
    return [
        "next:",
        f"  episodes check {config}{given}",
        f"  episodes try --config {config}{given} {' '.join(firsts[:MOST_TRIED])}",
        f"  episodes run --config {config} --batch {batch or 'first'}",
    ]
