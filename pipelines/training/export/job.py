"""What the form of a trainer needs to know of the export that it is part of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.training.export.pictures import PictureFolder
from pipelines.training.export.rows import Row

Codes = list[str]


@dataclass
class Job:
    """One export. `settings` are the dialect's as its newest run has them, {} where an older version published it; `out` is where it will be."""

    to: str
    dialect: str
    model: str
    settings: Mapping[str, Any]
    out: Path
    staging: Path
    pictures: PictureFolder
    rows: dict[str, int] = field(default_factory=dict)
    longest: int = 0  # tokens
    longest_answer: int = 0

    @property
    def options(self) -> Mapping[str, Any]:
        return self.settings.get("options") or {}

    def file_of(self, split: str, suffix: str) -> str | None:
        """The absolute path of a split's file in the finished export; None where the split has no rows."""
        return str(self.out / f"{split}{suffix}") if self.rows.get(split) else None


@dataclass(frozen=True)
class Form:
    """How one trainer takes rows. `write` writes the rows of one split and yields each with the codes of what is inexact in it;
    `count` reads back how many rows a split's file holds; `configure` gives the files beside it, by name, and the lines of the README."""

    models: frozenset[str] | None  # None: any
    suffix: str
    needs_conversations: bool
    write: Callable[..., Any]
    count: Callable[[Path], int]
    configure: Callable[[Job], dict[str, str]]
    command: Callable[[Job], str]
    notes: tuple[str, ...] = ()
    refuse: Callable[[Job, Row], None] = lambda job, row: None
