"""The input files of a source, as they stand when the run begins."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.config import Source

ENDINGS = (".jsonl", ".json", ".jsonl.gz", ".json.gz", ".ndjson", ".ndjson.gz", ".parquet")


@dataclass(frozen=True, slots=True)
class InputFile:
    """`modified` in ns since 1970, as the file system has it; `size` is -1 where the file was listed and could not be looked at."""

    source: str
    path: str
    size: int
    modified: int


def list_inputs(source: Source, batch: str | None) -> list[InputFile]:
    """Every input file of the source, each once, by path. A plain path that is not there raises FileNotFoundError; a glob may match nothing.

    A folder gives the files below it that end like a log; hidden ones and those with a leading _ are passed over, as Spark does.
    A file that vanished since, or a link to nothing, is listed too: reading it says what happened.
    """
    paths = {path for pattern in source.path for path in _expand(pattern.replace("{batch}", batch or ""), source.name)}
    return [_input_file(source.name, path) for path in sorted(paths)]


def _expand(pattern: str, source: str) -> Iterator[str]:
    if os.path.isdir(pattern):
        yield from (str(path) for path in Path(pattern).rglob("*") if _is_log(path, Path(pattern)))
    elif glob.has_magic(pattern) and not os.path.exists(pattern):
        yield from (path for path in glob.glob(pattern, recursive=True) if not os.path.isdir(path))
    elif os.path.lexists(pattern):
        yield pattern
    else:
        raise FileNotFoundError(f"source {source}: there is no {pattern}")


def _is_log(path: Path, below: Path) -> bool:
    hidden = any(part.startswith((".", "_")) for part in path.relative_to(below).parts)
    return path.name.lower().endswith(ENDINGS) and not hidden and not path.is_dir()


def _input_file(source: str, path: str) -> InputFile:
    try:
        stat = os.stat(path)
    except OSError:
        return InputFile(source, os.path.abspath(path), -1, 0)
    return InputFile(source, os.path.abspath(path), stat.st_size, stat.st_mtime_ns)
