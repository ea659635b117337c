"""The page of one record: its messages with the pictures where they stand, its tokens for each dialect, its findings and its bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.ledger.books import ASIDE
from pipelines.reports.cards import Card, Picture, picture_of
from pipelines.reports.episode import StepView
from pipelines.reports.page import template
from pipelines.visible import visible

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message: `parts` are texts, and pictures where they stand."""

    role: str
    metadata: str
    loss_weight: float | None
    parts: tuple[str | Picture, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A finding; `dialect` is "" unless only this dialect refused the record."""

    dialect: str
    code: str
    severity: str
    where: str
    detail: str
    meaning: str
    fix: str

    @property
    def label(self) -> str:
        """The severity; or filtered, superseded or duplicate, which are no faults."""
        return ASIDE.get(self.code, self.severity)


@dataclass(frozen=True, slots=True)
class Page:
    place: str
    record_id: str
    sample_ids: tuple[str, ...]
    published: tuple[str, ...]
    raw: str | None
    messages: tuple[MessageView, ...]
    steps: tuple[StepView, ...]
    cards: tuple[Card, ...]
    faults: tuple[Fault, ...]
    not_sent: tuple[str, ...]
    remarks: tuple[str, ...]


def message_of(conversation: Row, bytes_of: Callable[[Row], bytes | None]) -> Iterator[MessageView]:
    """The messages of a row of `conversations`."""
    images = iter(conversation["images"])
    for message in conversation["messages"]:
        parts: list[str | Picture] = []
        start = 0
        for at in message["image_at"]:
            parts += [visible(message["content"][start:at]), picture_of(next(images), bytes_of)]
            start = at
        parts.append(visible(message["content"][start:]))
        yield MessageView(message["role"], visible(message["metadata"], keep=""), message["loss_weight"], tuple(part for part in parts if part != ""))


def render_record(page: Page) -> str:
    return template("record.html").render(page=page)
