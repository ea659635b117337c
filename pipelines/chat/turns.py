"""Turns of a conversation: which are trained, which make a round, and which image stands in which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.records import Message, Noun


class Turn(Noun, frozen=True):
    """A message with its images as (code point offset, number of the image in the row), and whether it is trained."""

    message: Message
    images: tuple[tuple[int, int], ...] = ()
    trained: bool = False

    @property
    def role(self) -> str:
        return self.message.role

    @property
    def is_call(self) -> bool:
        return bool(self.message.metadata)

    def parts(self) -> Iterator[str | int]:
        """The content as texts and numbers of images, in order; texts may be empty."""
        end = 0
        for offset, number in self.images:
            yield self.message.content[end:offset]
            yield number
            end = offset
        yield self.message.content[end:]


def make_turns(messages: Sequence[Message], loss: str) -> list[Turn]:
    """The turns with their images numbered in text order. `loss` is all or last_turn; a loss_weight of 0 masks a turn."""
    turns: list[Turn] = []
    number = 0
    trainable = range(len(messages)) if loss == "all" else _last_run(messages)
    for i, message in enumerate(messages):
        images = tuple((offset, number + k) for k, offset in enumerate(message.image_at)) if message.image_at else ()
        number += len(images)
        turns.append(Turn(message, images, message.role == "assistant" and message.loss_weight != 0 and i in trainable))
    return turns


def _last_run(messages: Sequence[Message]) -> range:
    """The places of the last answers in a row: a call after its text belongs to the same turn."""
    end = next((i for i in range(len(messages), 0, -1) if messages[i - 1].role == "assistant"), 0)
    start = end
    while start > 0 and messages[start - 1].role == "assistant":
        start -= 1
    return range(start, end)


def rounds_of(messages: Sequence[Message]) -> tuple[list[Message], list[list[Message]]]:
    """(system turns at the start, rounds): a round begins with a question and ends before the next one."""
    start = next((i for i, message in enumerate(messages) if message.role != "system"), len(messages))
    rounds: list[list[Message]] = []
    before = ""
    for message in messages[start:]:
        if not rounds or (message.role == "user" and before != "user"):
            rounds.append([])
        rounds[-1].append(message)
        before = message.role
    return list(messages[:start]), rounds
