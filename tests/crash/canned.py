"""Runs without the part of Spark and the tokenizers: what they made in an undisturbed run of the same batch is kept, and used again.

Everything from the plan to the end of the run is the project's own code. A run takes a second instead of ten, so a campaign can have many.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.ledger import run_row
from pipelines.spark.plans.read_back import Staged
from pipelines.spark.run import batch as job
from pipelines.spark.run import completion
from pipelines.spark.run.staging import Run, StagedRun
from pipelines.storage.files import read_file, write_file
from pipelines.storage.stores import ENVIRONMENT
from pipelines.tables.writing import FileSet

COUNTED = ((completion, "read_back"), (completion, "find_duplicate_keys"), (completion, "report_of"), (run_row, "reader_settings"))


def keep(folder: Path) -> None:
    """From now on this driver keeps what Spark makes."""
    folder.mkdir(parents=True)
    made: dict[str, Any] = {}
    stage_rows = job.stage_rows

    def staged(run: Run, *more: Any, **named: Any) -> StagedRun:
        made["run_id"], made["staged"] = run.run_id, stage_rows(run, *more, **named)
        for _, path, file in _files(made["staged"]):
            write_file(f"{folder}/{file.table}/{file.path}", read_file(path, run.root.stores), ENVIRONMENT)
        return made["staged"]

    def kept(name: str, make: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            made[name] = make(*arguments)
            if set(made) >= {"staged", *(name for _, name in COUNTED)}:
                (folder / "made.pickle").write_bytes(pickle.dumps(made))
            return made[name]

        return call

    job.stage_rows = staged
    for module, name in COUNTED:
        setattr(module, name, kept(name, getattr(module, name)))


def use(folder: Path) -> None:
    """From now on this driver uses what was kept."""
    made = pickle.loads((folder / "made.pickle").read_bytes())

    def staged(run: Run, *more: Any, **named: Any) -> StagedRun:
        run.root.on_point("stage drafts: before")
        write_file(f"{run.job.work_folder}/drafts.parquet", b"", run.root.stores)
        run.root.on_point("stage drafts: after")
        run.root.on_point("stage images: before")
        run.root.on_point("stage images: after")
        run.root.on_point("stage outcomes: before")
        old = made["staged"]
        new = replace(
            old,
            staged=Staged(
                _renamed(old.staged.drafts, run.job.work_folder, made["run_id"], run), _renamed(old.staged.tables, run.root.uri, made["run_id"], run)
            ),
            images=_renamed(old.images, run.root.uri, made["run_id"], run),
        )
        for (_, _, before), (kind, path, _) in zip(_files(old), _files(new), strict=True):
            if kind == "images":
                run.root.on_point("stage outcomes: after")
            write_file(path, read_file(f"{folder}/{before.table}/{before.path}", ENVIRONMENT), run.root.stores)
        return new

    job.stage_rows = staged
    for module, name in COUNTED:
        setattr(module, name, lambda *arguments, name=name: made[name])


def _files(staged: StagedRun) -> list[tuple[str, str, Any]]:
    """(kind, path, file) of the files of the tables; those of `images` come last, as in a run."""
    outcomes = [("outcomes", f"{staged.staged.tables.folder}/{file.table}/{file.path}", file) for file in staged.staged.tables.files]
    return outcomes + [("images", f"{staged.images.folder}/{file.table}/{file.path}", file) for file in staged.images.files]


def _renamed(files: FileSet, folder: str, old: str, run: Run) -> FileSet:
    return FileSet(folder, [file._replace(name=file.name.replace(old, run.run_id)) for file in files.files])
