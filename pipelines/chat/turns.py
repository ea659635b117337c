"""The turns of a conversation: which of them are trained, which form a step, and which images are in which turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from pipelines.chat.segments import TEMPLATE, Control, TurnStart
from pipelines.records import Message, Noun

Tags = tuple[tuple[int, str], ...]  # (code point offset, control token whose name is there), ascending


class Turn(Noun, frozen=True):
    """A message. `images` are pairs of a code point offset and the number of the image in the row. `tags` are the control tokens that a tool
    syntax wrote into the message. `place` is its place in the conversation's messages."""

    message: Message
    images: tuple[tuple[int, int], ...] = ()
    trained: bool = False
    tags: Tags = ()
    place: int = TEMPLATE

    def start(self, header: int) -> TurnStart:
        """The beginning of this turn in a row; `header` is how many tokens come before its own text."""
        return TurnStart(self.place, self.role, self.trained, header, self.message.loss_weight)

    @property
    def role(self) -> str:
        return self.message.role

    @property
    def is_call(self) -> bool:
        return bool(self.message.metadata)

    def parts(self) -> Iterator[str | int | Control]:
        """The content as texts, numbers of images and control tokens, in order. There is a text, perhaps empty, before and after each of the others."""
        marks: Sequence[tuple[int, int | str]] = self.images
        if self.tags:
            marks = sorted([*marks, *self.tags], key=lambda mark: mark[0])
        end = 0
        for offset, found in marks:
            yield self.message.content[end:offset]
            yield found if isinstance(found, int) else Control(found, self.trained)
            end = offset if isinstance(found, int) else offset + len(found)
        yield self.message.content[end:]


def make_turns(messages: Sequence[Message], loss: str, places: Sequence[int], tags: Sequence[Tags] = (), trained_from: int = 0) -> list[Turn]:
    """The turns, with their images numbered in text order. `loss` is all or last_turn, and a loss_weight of 0 masks a turn. `places` are the
    places of these messages in the conversation; an answer whose place is before `trained_from` is not trained. `tags` has an entry for every
    message, or none at all."""
    turns: list[Turn] = []
    number = 0
    trainable = range(len(messages)) if loss == "all" else _last_run(messages)
    for i, message in enumerate(messages):
        images = tuple((offset, number + k) for k, offset in enumerate(message.image_at)) if message.image_at else ()
        number += len(images)
        trained = message.role == "assistant" and message.loss_weight != 0 and i in trainable and places[i] >= trained_from
        turns.append(Turn(message, images, trained, tags[i] if tags else (), places[i]))
    return turns


def _last_run(messages: Sequence[Message]) -> range:
    """The places of the last consecutive answers: a call after its text belongs to the same turn."""
    end = next((i for i in range(len(messages), 0, -1) if messages[i - 1].role == "assistant"), 0)
    start = end
    while start > 0 and messages[start - 1].role == "assistant":
        start -= 1
    return range(start, end)


def steps_of(messages: Sequence[Message]) -> list[int]:
    """The step of each message: 1 for the oldest, and 0 for a message of no step. Those are system turns, the first question, and a last question
    without an answer.

    A step is an answer; or it is calls with the text before them, their results, and the text that ends the round. A later question belongs to
    the last step of its round, so it is dropped when the last of its answers is dropped:

        system user | call result | text call result answer | user call result | call result answer
           0    0       1     1       2    2     2      2       4    3     3       4     4      4
    """
    steps = [0] * len(messages)
    rounds = rounds_of(messages)
    for step, (places, question) in enumerate(rounds, 1):
        is_last = step == len(rounds) or rounds[step].question is not question
        for i in (*places, *(question if is_last else ())):
            steps[i] = step
    return steps


class Round(NamedTuple):
    """A step without its question: the places of its messages, and those of the later question that it answers, or helps to answer."""

    places: list[int]
    question: list[int]


def rounds_of(messages: Sequence[Message]) -> list[Round]:
    """The steps in order, as `steps_of` says what a step is. Steps that answer one question have the same list of places as `question`; it is
    empty for the first question."""
    rounds: list[Round] = []
    is_answered = False
    question: list[int] | None = None
    spoken = [i for i, message in enumerate(messages) if message.role != "system"]
    for role, run in groupby(spoken, lambda i: messages[i].role):
        places = list(run)
        if role == "user":
            question, is_answered = [] if question is None else places, False
        elif role == "assistant" and (not is_answered or any(messages[i].metadata for i in places)):
            rounds.append(Round(places, [] if question is None else question))
            is_answered = True
        elif rounds:
            rounds[-1].places.extend(places)
    return rounds
