"""The configuration as text, with a comment on every choice."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipelines.console.init.look import Looked, Results
from pipelines.console.shape import yaml_text

STEPS = (2048, 4096, 8192, 16384, 32768)
FIRST = 8192


def max_tokens_for(results: Results) -> int:
    """The smallest usual limit that all rows fit, at most 32,768."""
    longest = max(results.lengths, default=0)
    return next((step for step in STEPS if longest <= step), STEPS[-1])


def configuration_text(looked: Sequence[Looked], batch: str | None, out: Path, max_tokens: int | None) -> str:
    """`batch` is the date with which the commands are named, if the logs are named by dates."""
    return "\n".join(_lines(looked, batch, out.resolve().parent, max_tokens)) + "\n"


def _lines(looked: Sequence[Looked], batch: str | None, home: Path, max_tokens: int | None) -> Iterator[str]:
    yield "# Made by `episodes init` from a look at the logs. Relative paths start at the folder of this file."
    yield "# `episodes settings` lists all settings with their defaults."
    yield "sources:"
    for one in looked:
        yield from _source_lines(one, batch, home)
    yield ""
    yield "dialects:                              # the models to tokenize for; `episodes dialects` lists them"
    yield "  - name: minicpm_v_2_6                # takes text and pictures; replace it by your model"
    yield "    tokenizer: minicpm_v_2_6           # a bundled vocabulary; for another model, the folder with its tokenizer.json"
    is_folded = any(one.repeated for one in looked)
    become = "cut into windows" if is_folded else "quarantined"
    yield f"    max_tokens: {max_tokens or FIRST:<22} # longer rows are {become}; the longest one that was seen fits"
    if is_folded and max_tokens:  # the first look at the lengths is at whole rows
        yield "    on_overflow: windows               # quarantine would lose the answers of all records that such a row stands for"
    if any(one.has_calls for one in looked):
        yield "    tool_syntax: hermes                # the logs have tool calls, for which this model has no format of its own"
    yield ""
    yield "output: {root: out}                    # where the tables go: a folder, or s3://, gs://, abfss:// or hdfs://"
    yield "gates: {max_quarantined: 0.05}         # if more than 5 % of the records are refused, nothing is published"


def _source_lines(one: Looked, batch: str | None, home: Path) -> Iterator[str]:
    paths: Any = [_relative(path, home) for path in one.part.paths]
    yield f"  - name: {yaml_text(one.name)}"
    dates = one.part.dates
    yield _with_comment(f"    path: {yaml_text(paths if len(paths) > 1 else paths[0])}", "one batch per date: {batch} is the value of --batch" if dates else "")
    if dates and batch not in dates:
        yield _with_comment("    allow_empty: true", f"there are no logs of every date; {batch} has none")
    if one.rows is not None:
        yield _with_comment(f"    rows: {yaml_text(one.rows)}", f"each step of an episode becomes a row; {one.formats_words()}")
    elif one.fields is not None:
        yield "    format: fields                     # no format reads these records, so these fields of a record are read:"
        yield "    fields:"
        yield from (f"      {key}: {yaml_text(value)}" for key, value in one.fields.items())
    else:
        yield _with_comment("    format: auto", one.formats_words())
    if one.repeated is not None:
        yield _with_comment("    fold: prefix", f"each answer is trained once: {one.repeated.beginnings_words()}")
    yield from _image_lines(one, home)
    if one.episode_id.setting is not None:
        yield _with_comment(f"    episode_id: {yaml_text(one.episode_id.setting)}", one.episode_id.words)
    elif one.episode_id.words:
        yield f"    # episode_id: {one.episode_id.words}"


def _image_lines(one: Looked, home: Path) -> Iterator[str]:
    images = one.images
    if images.roots:
        roots: Any = [_relative(root, home) for root in images.roots]
        yield _with_comment(
            f"    image_root: {yaml_text(roots if len(roots) > 1 else roots[0])}", f"{images.found:,} of {images.named:,} pictures were found here"
        )
    if days := [day for day in one.part.dates if any(day in root for root in images.roots)]:
        yield f"    # This image_root is of {', '.join(days)} alone: the pictures of another date need a source and image_root of their own,"
        yield "    # or paths in the logs that begin with the date, below an image_root for all dates."
    if images.prefixes:
        yield _with_comment(f"    image_prefix: {yaml_text(images.prefixes)}", "this part of the logged paths is replaced")
    if images.repeats:
        yield f"    # image_root: {images.repeats_words()}"
    elif images.named and images.found < images.named:
        missing = images.named - images.found
        were, them, their, such = ("was", "it", "its", ": ") if missing == 1 else ("were", "them", "their", ", for example ")
        example = f"{such}{images.example!a}" if images.example else ""
        counts = f"{missing:,} of {images.named:,} pictures {were} not found{example}"
        yield f"    # {counts}. Records that name {them} are quarantined. Name {their} folder in image_root."
    if images.schemes:
        yield f"    # Pictures are named by URIs ({', '.join(images.schemes)}): images.allow_schemes lets them be read from object stores."


def _with_comment(line: str, comment: str) -> str:
    return f"{line:38} # {comment}" if comment else line


def _relative(path: str, home: Path) -> str:
    """Relative to the folder of the configuration, if it is below it or beside it."""
    shown = os.path.relpath(path, home)
    return path if shown.startswith("../..") else shown
