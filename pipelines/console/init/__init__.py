"""`episodes init`: a configuration that works, from a look at the logs, with a comment on every choice.

look.py    a few records of each source, read as a run would read them
images.py  the folders in which the pictures of these records are
ids.py     the field that holds the id of the episode
text.py    the configuration as text
"""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from pipelines.config import ConfigError, load_config
from pipelines.console.init.look import RECORDS_PER_FILE, Looked, look_at, outcomes_of
from pipelines.console.init.text import configuration_text, max_tokens_for
from pipelines.visible import counted, visible

OK, USAGE = 0, 2


def run(options: Namespace) -> int:
    """Writes the file and says what to do next. Raises ConfigError and FileNotFoundError."""
    out: Path = options.out
    if out.exists():
        raise ConfigError([f"{out} exists already; name another file with --out"])
    looked = [look_at(path, names) for path, names in zip(options.files, _names(options.files), strict=True)]
    if empty := [one.path for one in looked if not one.raws]:
        raise ConfigError([f"no records in {path}" for path in empty])
    out.parent.mkdir(parents=True, exist_ok=True)
    text = configuration_text(looked, out, None)
    out.write_text(text, encoding="utf-8")
    try:
        results = outcomes_of(load_config(out), looked)
        out.write_text(configuration_text(looked, out, max_tokens_for(results)), encoding="utf-8")
        results = outcomes_of(load_config(out), looked)
    except BaseException:
        out.unlink()
        raise
    lines = [*_found(looked), *results.lines(), f"wrote {out}", *_next(looked, out)]
    print(visible("\n".join(lines)), file=sys.stderr)
    return OK


def _names(paths: list[str]) -> list[str]:
    """A name for each source: that of its file or folder; the folder above where two are the same.

    >>> _names(["logs/gui", "logs/tools.jsonl.gz", "more/gui"])
    ['logs-gui', 'tools', 'more-gui']
    """
    stems = [_stem(path) for path in paths]
    twice = {stem for stem in stems if stems.count(stem) > 1}
    longer = [f"{Path(path).resolve().parent.name}-{stem}" if stem in twice else stem for path, stem in zip(paths, stems, strict=True)]
    return [name if longer.count(name) == 1 else f"{name}-{longer[:i].count(name) + 1}" for i, name in enumerate(longer)]


def _stem(path: str) -> str:
    name = Path(path).resolve().name
    letters = "".join(char if char.isalnum() or char in "-_" else "-" for char in name.partition(".")[0])
    return letters.strip("-") or "logs"


def _found(looked: list[Looked]) -> list[str]:
    return [
        f"source {one.name}: {counted(one.files, 'file')}; looked at up to {RECORDS_PER_FILE} records of each file, {len(one.raws):,} in all; {one.formats_words()}"
        for one in looked
    ]


def _next(looked: list[Looked], out: Path) -> list[str]:
    batch = next((one.batch for one in looked if one.batch), None)
    given = f" --batch {batch}" if batch else ""
    file = looked[0].first_file
    return [
        "next:",
        f"  episodes check {out}{given}",
        f"  episodes try --config {out}{given} {file}",
        f"  episodes run --config {out} --batch {batch or 'first'}",
    ]
