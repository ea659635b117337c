"""An episode: its steps in order, each with its screen and what its answer does there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.ledger.picks import step_order
from pipelines.reports.cards import Picture, picture_of
from pipelines.reports.gestures import gestures_on
from pipelines.visible import one_line, visible

MOST_ANSWER = 400  # characters of an answer in the report

Row = Mapping[str, Any]
ONLY_PICTURES = re.compile(r"(?:<image\w*>\s*)+")


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of an episode: its screen, on which its picture has what the answer does, and the answer."""

    step_id: str
    picture: Picture
    answer: str


@dataclass(frozen=True, slots=True)
class EpisodeView:
    """The first steps of an episode; `task` is what the first step asks for, as `task_of` finds it."""

    source: str
    episode_id: str
    task: str
    steps: tuple[StepView, ...]


def episode_of(source: str, conversations: Sequence[Row], bytes_of: Callable[[Row], bytes | None], unit: str = "") -> EpisodeView:
    """The episode of these rows of `conversations`, of which each is a step. `unit` is that of the points in their answers, "" if not known."""
    steps = tuple(steps_of(conversations, bytes_of, unit, MOST_ANSWER))
    first = min(conversations, key=lambda row: step_order(row["step_id"]))
    asked = next((message["content"] for message in reversed(first["messages"]) if message["role"] == "user"), "")
    return EpisodeView(source, one_line(first["episode_id"], MOST_ANSWER), one_line(task_of(asked), MOST_ANSWER), steps)


def task_of(question: str) -> str:
    """What a question asks for: the text between <Question> and </Question>, as in the bundled prompts, or else its first line that is no picture.

    >>> task_of("<Question>Open the settings</Question>\\nScreen: <image_00>"), task_of("<image_00>\\nOpen the settings\\nHistory: none")
    ('Open the settings', 'Open the settings')
    """
    _, begin, rest = question.partition("<Question>")
    inside, end, _ = rest.partition("</Question>")
    if begin and end and inside.strip():
        return inside.strip()
    lines = [line.strip() for line in question.splitlines() if line.strip()]
    return next((line for line in lines if not ONLY_PICTURES.fullmatch(line)), lines[0] if lines else "")


def steps_of(conversations: Iterable[Row], bytes_of: Callable[[Row], bytes | None], unit: str = "", most: int | None = None) -> Iterator[StepView]:
    """The steps of an episode, in order, from its rows of `conversations` that have a picture; at most this many characters of each answer."""
    rows = sorted((row for row in conversations if row["images"]), key=lambda row: step_order(row["step_id"]))
    answers = [(row["messages"][-1], row["images"][-1]) for row in rows]
    drawn = gestures_on([(answer_text(answer), image) for answer, image in answers], unit)
    for row, (answer, image), gestures in zip(rows, answers, drawn, strict=True):
        text = answer_text(answer)
        shown = visible(text) if most is None else one_line(text, most)
        yield StepView(visible(row["step_id"] or "", keep=""), picture_of(image, bytes_of, gestures), shown)


def answer_text(message: Row) -> str:
    """The text of an answer, after the name of the tool if it is a call."""
    return f"{message['metadata']}\n{message['content']}" if message["metadata"] else str(message["content"])
