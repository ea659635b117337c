"""The page of one record: its messages with the pictures where they stand, its tokens for each dialect, its findings and its bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.episodes.steps.layouts import LAYOUTS
from pipelines.report.cards import Card, Picture, thumbnail
from pipelines.report.page import template
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


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of an episode: its screen with the points of its action, in percent of its sides, and the answer."""

    step_id: str
    picture: Picture
    points: tuple[tuple[float, float], ...]
    answer: str


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
            parts += [visible(message["content"][start:at]), _picture(next(images), bytes_of)]
            start = at
        parts.append(visible(message["content"][start:]))
        yield MessageView(message["role"], visible(message["metadata"], keep=""), message["loss_weight"], tuple(part for part in parts if part != ""))


def steps_of(conversations: Iterable[Row], bytes_of: Callable[[Row], bytes | None]) -> Iterator[StepView]:
    """The steps of an episode, in order, from its rows of `conversations`; none for any other record."""
    for row in sorted((row for row in conversations if row["format"] in LAYOUTS and row["images"]), key=lambda row: step_order(row["step_id"])):
        answer = row["messages"][-1]["content"]
        yield StepView(visible(row["step_id"] or "", keep=""), _picture(row["images"][-1], bytes_of), tuple(points_in(answer)), visible(answer))


def step_order(step_id: str | None) -> tuple[int, str]:
    """Sorts step 10 after step 9.

    >>> sorted(["10", "9", "b"], key=step_order)
    ['9', '10', 'b']
    """
    text = step_id or ""
    return (int(text) if text.isdecimal() and len(text) < 19 else 1 << 62, text)


def points_in(answer: str) -> Iterator[tuple[float, float]]:
    """The points of an answer in an action form, in percent of the sides of its screen.

    >>> list(points_in('{"POINT":[500,250],"to":"up"}')), list(points_in("no JSON"))
    ([(50.0, 25.0)], [])
    """
    try:
        said = json.loads(answer)
    except ValueError:
        return
    for key in ("POINT", "point", "to", "end"):
        value = said.get(key) if isinstance(said, dict) else None
        if isinstance(value, list) and len(value) == 2 and all(isinstance(number, int) for number in value):
            yield value[0] / 10, value[1] / 10


def render_record(page: Page) -> str:
    return template("record.html").render(page=page)


def _picture(image: Row, bytes_of: Callable[[Row], bytes | None]) -> Picture:
    data = bytes_of(image)
    return Picture(thumbnail(data) if data else "", image["uri"], image["width"], image["height"], 1, 1)
