"""What an export is, and what it asks of each trainer."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pipelines.training.export.control_tokens import control_tokens
from pipelines.training.export.pictures import PictureFolder
from pipelines.training.export.rows import Row

Codes = list[str]
Entry = Callable[[Row, "Job"], tuple[dict[str, Any], Codes]]


@dataclass
class Job:
    """One export. `settings` are the dialect's as its newest run has them, {} where an older version published it; `tokenizer` is what its rows
    were tokenized with, {} where nothing tells; `out` is where it will be.

    `rows` and `longest` are known once the rows are written: rows by split, and the tokens of the longest row and of the longest answers of a row.
    """

    to: str
    dialect: str
    run_id: str
    model: str
    settings: Mapping[str, Any]
    tokenizer: Mapping[str, Any]
    out: Path
    staging: Path
    pictures: PictureFolder
    rows: dict[str, int] = field(default_factory=dict)
    longest: int = 0
    longest_answer: int = 0

    @property
    def options(self) -> Mapping[str, Any]:
        return self.settings.get("options") or {}

    @cached_property
    def control_tokens(self) -> re.Pattern[str]:
        """What finds the control tokens of the dialect's tokenizer in a text."""
        return control_tokens("glm" if self.model.startswith("glm") else "minicpm", self.settings.get("tokenizer") or {})

    def yaml_path(self, name: str) -> str:
        """The path of a file of the finished export, as YAML takes it whatever the folder is called."""
        return json.dumps(str(self.out / name), ensure_ascii=False)

    def shell_path(self, name: str) -> str:
        return shlex.quote(str(self.out / name))

    def fingerprint(self, split: str) -> str:
        """A name for the rows of a split: other rows have another one."""
        return hashlib.sha256("\0".join((self.run_id, self.dialect, split)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Form:
    """How one trainer takes rows.

    `write` writes the rows of a split and yields each with the codes of what is inexact in it; `count` reads back how many were
    written. `configure` gives the files beside them; `command` is the command to train; `notes` are lines of the README.
    """

    models: tuple[str, ...] | None  # None: any
    needs_conversations: bool
    write: Callable[[Job, str, Iterable[Row]], Iterator[tuple[Row, Codes]]]
    count: Callable[[Path, str], int]
    configure: Callable[[Job], dict[str, str]]
    command: Callable[[Job], str]
    notes: Callable[[Job], list[str]]
    takes_pictures: bool = True
    for_all: str | None = None  # a code that holds for every row, which is then not named one by one
