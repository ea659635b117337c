"""A folder that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.training.export.rows import ExportError


@contextmanager
def whole_folder(out: Path, replace: bool) -> Iterator[Path]:
    """A temporary folder beside `out` that takes its name at the end; if an exception passes, nothing is left of it.

    Raises ExportError where `out` is a file, or holds something and `replace` does not say that it may go.
    """
    _refuse(out, replace)
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = out.parent / f".{out.name}.{os.getpid()}.partial"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        yield staging
        _refuse(out, replace)
        _take_name(staging, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _refuse(out: Path, replace: bool) -> None:
    if out.exists() and not out.is_dir():
        raise ExportError(f"{out} is a file")
    if out.is_dir() and any(out.iterdir()) and not replace:
        raise ExportError(f"{out} is not empty; --replace replaces what is in it")


def _take_name(staging: Path, out: Path) -> None:
    old = staging.with_suffix(".old")
    if out.exists():
        os.rename(out, old)
    try:
        os.rename(staging, out)
    except OSError:
        if old.exists():
            os.rename(old, out)
        raise
    shutil.rmtree(old, ignore_errors=True)
