"""A conversation as what every window of it shows, and the steps that windows are cut between."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from msgspec.structs import replace

from pipelines.chat.turns import Round, rounds_of
from pipelines.config.options import History
from pipelines.dialects.overflow import Work
from pipelines.records import Image, Message


class Window(NamedTuple):
    """Steps [first, end), of which those from `start` on are trained, and those before are history."""

    first: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Outline:
    """`head` are the places of messages of no step, such as system turns and the task; a window shows those before its end. `images_before` and
    `results_before` count images and tool results before each place of the conversation."""

    work: Work
    history: History
    rounds: Sequence[Round]
    head: Sequence[int]
    images_before: Sequence[int]
    results_before: Sequence[int]

    def part(self, window: Window) -> Work:
        """What the row of this window is made of."""
        messages: list[Message] = []
        images: list[Image] = []
        places = self.places(window)
        for place in places:
            message, shown = self._shown(place, window)
            messages.append(message)
            images += shown
        return Work(tuple(messages), tuple(images), self.work.caps[: len(images)], tuple(places), trained_from=self.trained_from(window))

    def places(self, window: Window) -> list[int]:
        """The messages of the window."""
        end = self.rounds[window.end - 1].places[-1] + 1 if window.end < len(self.rounds) else len(self.work.messages)
        return sorted([*self.head[: bisect_left(self.head, end)], *_places_in(self.rounds[window.first : window.end])])

    def trained_from(self, window: Window) -> int:
        return self.rounds[window.start].places[0]

    def steps_before(self, start: int, done: int) -> int:
        """How many steps before this one its window shows, if they fit: as many as `history` says, but all from `done` on."""
        return start if isinstance(self.history.steps, str) else max(start - done, min(self.history.steps, start))

    def shows_too_much(self, step: int) -> bool:
        """Whether the first answer of this step sees more images or results in the whole conversation than `history` allows."""
        place = self.rounds[step].places[0]
        return self._old_images(place) > 0 or self._old_results(place) > 0

    def last_end(self, window: Window) -> int:
        """How far the window can be extended until the first answer of a step must not see one of its images or results any more."""
        before, steps = self.trained_from(window), range(window.start + 1, len(self.rounds))
        places = self.places(window)
        ends = [len(self.rounds)]
        for most, counts, old in (
            (self.history.images, self.images_before, self._old_images(before)),
            (self.history.results, self.results_before, self._old_results(before)),
        ):
            if most is not None:
                oldest = next((max(counts[place], old) for place in places if counts[place + 1] > max(counts[place], old)), counts[-1])
                oldest = min(oldest, counts[before])
                ends.append(steps.start + bisect_right(steps, oldest + most, key=lambda step: counts[self.rounds[step].places[0]]))
        return min(ends)

    def left_out(self, window: Window) -> tuple[int, int]:
        """How many results and images of the window's messages are too old to be shown."""
        places = self.places(window)
        images = sum(len(self.work.messages[place].image_at) - len(self._shown(place, window)[1]) for place in places)
        return sum(self._is_old_result(place, window) for place in places), images

    def _shown(self, place: int, window: Window) -> tuple[Message, Sequence[Image]]:
        """The message as the window shows it, with its images."""
        message, first = self.work.messages[place], self.images_before[place]
        images = self.work.images[first : first + len(message.image_at)]
        if self._is_old_result(place, window):
            return replace(message, content=self.history.left_out, image_at=()), ()
        old = min(max(self._old_images(self.trained_from(window)) - first, 0), len(images))
        return (replace(message, image_at=message.image_at[old:]) if old else message), images[old:]

    def _is_old_result(self, place: int, window: Window) -> bool:
        return self.work.messages[place].role == "observation" and self.results_before[place] < self._old_results(self.trained_from(window))

    def _old_images(self, place: int) -> int:
        """How many images of the conversation an answer at this place does not see any more."""
        return 0 if self.history.images is None else max(self.images_before[place] - self.history.images, 0)

    def _old_results(self, place: int) -> int:
        return 0 if self.history.results is None else max(self.results_before[place] - self.history.results, 0)


def outline_of(work: Work, history: History) -> Outline:
    """The outline of a whole conversation, in which the places of messages are their numbers."""
    rounds = rounds_of(work.messages)
    of_steps = set(_places_in(rounds))
    return Outline(
        work,
        history,
        rounds,
        [place for place in range(len(work.messages)) if place not in of_steps],
        [0, *accumulate(len(message.image_at) for message in work.messages)],
        [0, *accumulate(message.role == "observation" for message in work.messages)],
    )


def _places_in(rounds: Sequence[Round]) -> Iterator[int]:
    """The places of these steps and of their questions. Steps that answer one question have it in common."""
    question = None
    for one in rounds:
        if one.question is not question:
            question = one.question
            yield from question
        yield from one.places
