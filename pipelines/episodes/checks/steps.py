"""A conversation as the steps that checks look at: answers, the calls in them with their results, and the screens before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

from pipelines.episodes.checks.failures import says_failure
from pipelines.records import Conversation, Image, Message

RUN = 3  # failing calls in a row are a fault; once again is a retry


class Fault(NamedTuple):
    """What a check found: `where` is a message, and `answers` are those of the steps that are at fault."""

    where: int
    detail: str
    answers: Sequence[int]


class Call(NamedTuple):
    """A call at this place, in the step of these answers. `result` is its result's text, None where the log does not have it."""

    place: int
    answers: Sequence[int]
    name: str
    arguments: str
    result: str | None

    @property
    def failed(self) -> bool:
        return self.result is not None and says_failure(self.result)

    def is_same(self, other: Call) -> bool:
        return self.name == other.name and self.arguments == other.arguments


class Answer(NamedTuple):
    """The answers of a step, with the last screen before them, and whether a screen was shown since the answers before."""

    places: Sequence[int]
    screen: Image | None
    is_new: bool


@dataclass(frozen=True)
class Episode:
    """A conversation with its steps, each of which is found once for all checks."""

    conversation: Conversation

    @cached_property
    def calls(self) -> list[Call]:
        return calls_of(self.conversation.messages)

    @cached_property
    def failing_runs(self) -> list[list[Call]]:
        """Three calls or more that follow one another and all failed."""
        runs: list[list[Call]] = []
        if sum([message.role == "observation" for message in self.conversation.messages]) < RUN:
            return runs
        before, at = -1, RUN - 1  # the last call that is in no later run, and the next to look at: only every third must be, as long as none failed
        while at < len(self.calls):
            if not self.calls[at].failed:
                before, at = at, at + RUN
                continue
            start, end = at, at + 1
            while start - 1 > before and self.calls[start - 1].failed:
                start -= 1
            while end < len(self.calls) and self.calls[end].failed:
                end += 1
            if end - start >= RUN:
                runs.append(self.calls[start:end])
            before, at = end, end + RUN
        return runs

    @cached_property
    def answers(self) -> list[Answer]:
        return list(answers_of(self.conversation))


def calls_of(messages: Sequence[Message]) -> list[Call]:
    """All calls, in order. A step with fewer results than calls has no result that is certain."""
    found: list[Call] = []
    answers: list[int] = []
    calls: list[int] = []
    for role, run in groupby(range(len(messages)), lambda place: messages[place].role):
        places = list(run)
        if role == "observation" and calls:
            found += _with_results(messages, calls, answers, places)
            calls = []
        elif role == "assistant":
            found += _with_results(messages, calls, answers, ())
            answers, calls = places, [place for place in places if messages[place].metadata]
    return found + _with_results(messages, calls, answers, ())


def _with_results(messages: Sequence[Message], calls: Sequence[int], answers: Sequence[int], results: Sequence[int]) -> list[Call]:
    texts: Sequence[str | None] = [messages[place].content for place in results] if len(results) == len(calls) else [None] * len(calls)
    return [Call(place, answers, messages[place].metadata, messages[place].content, text) for place, text in zip(calls, texts, strict=True)]


def answers_of(conversation: Conversation) -> Iterator[Answer]:
    """The answers of each step, in order."""
    images = iter(conversation.images)
    screen: Image | None = None
    is_new = False
    for role, run in groupby(range(len(conversation.messages)), lambda place: conversation.messages[place].role):
        places = list(run)
        if role == "assistant":
            yield Answer(places, screen, is_new)
            is_new = False
        for image in (next(images) for place in places for _ in conversation.messages[place].image_at):
            screen, is_new = image, True
