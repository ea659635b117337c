"""One record, from a log or from the published tables: its bytes, its messages, its findings, and its tokens coloured by loss."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pieces:
    """How the token ids of a dialect become text again: `of` gives the text of each id, `specials` are the control tokens."""

    of: Callable[[Sequence[int]], list[str]]
    specials: Collection[str]


@dataclass(frozen=True, slots=True)
class View:
    """A record and what became of it. `rows` are rows of the tables, each with the table's name, in the order in which they are shown."""

    path: str
    line: int
    record_id: str
    raw: bytes | None  # None: the log is gone or has changed, and no row has kept them
    rows: Sequence[tuple[str, Row]]
    pieces: Mapping[str, Pieces | str]  # by dialect; a text says why its tokens cannot be shown
    not_sent: Sequence[str] = ()  # dialects that do not take the record's source
    remarks: Sequence[str] = field(default_factory=list)

    def of(self, table: str) -> list[Row]:
        return [row for name, row in self.rows if name == table]
