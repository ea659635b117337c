"""A folder that appears whole or not at all, and takes the place of nothing but an earlier export."""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipelines.training.export.rows import ExportError

MARK = "inexact.jsonl"  # in every export


@contextmanager
def whole_folder(out: Path, replace: bool, sources: Sequence[Path] = ()) -> Iterator[Path]:
    """A temporary folder beside `out` that takes its name at the end; if an exception passes, nothing is left of it.

    Raises ExportError where `out` is a file, holds anything but an earlier export that may be replaced, or holds one of `sources`, from
    which the export is made, or is in one of them.
    """
    _refuse(out, replace, sources)
    out.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(out)
    staging = out.parent / f".{out.name}.{os.getpid()}.partial"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        yield staging
        _refuse(out, replace, sources)
        _take_name(staging, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _refuse(out: Path, replace: bool, sources: Sequence[Path]) -> None:
    for source in map(Path.resolve, sources):
        if source == out or source in out.parents or out in source.parents:
            raise ExportError(f"{out} and {source}, which the export is made from, are one folder, or one is in the other; choose another folder")
    if out.exists() and not out.is_dir():
        raise ExportError(f"{out} is a file")
    if out.is_dir() and any(out.iterdir()):
        if not replace:
            raise ExportError(f"{out} is not empty; --replace writes a new export in place of an earlier one")
        if not (out / MARK).is_file() or not (out / "README.md").is_file():
            raise ExportError(f"{out} is not empty and is not an export; --replace replaces exports only")


def _remove_abandoned(out: Path) -> None:
    """Removes what a killed export to this folder left behind."""
    for folder in out.parent.glob(f".{glob.escape(out.name)}.*.partial"):
        found = re.fullmatch(r"\.(\d+)\.partial", folder.name[len(out.name) + 1 :])
        if found and not Path(f"/proc/{found[1]}").exists() and Path("/proc").is_dir():
            shutil.rmtree(folder, ignore_errors=True)


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
