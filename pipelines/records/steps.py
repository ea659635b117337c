"""An episode as its steps: what a record logs of a screen, an instruction and an action, before it becomes turns."""

from __future__ import annotations

from typing import NamedTuple

from pipelines.records.noun import Noun, Size


class ImageRef(NamedTuple):
    """An image as the log names it. `key` is the logged text, or for a data: URI `data:` and the sha256 of that text."""

    key: str
    ref: str
    where: str


class Point(NamedTuple):
    """A place on a screen as it was logged, x first. `Step.unit` says in which unit."""

    x: float
    y: float


class Action(Noun, frozen=True):
    """What was done on a screen, by the names of `episodes.steps.data_sets.words.ACTIONS`. `point` is where a gesture begins, `end` where it ends."""

    name: str
    point: Point | None = None
    end: Point | None = None
    direction: str = ""  # up, down, left or right: of the finger, or of a scroll wheel
    text: str = ""  # that was typed, or the name of a key or an app
    duration: int | None = None  # milliseconds


class Step(Noun, frozen=True):
    """One step of an episode: a screen, and the action on it. `where` is its JSON path; `size` is that of the screen, if it was logged."""

    step_id: str
    index: int  # of the conversation that is made of it, in its record
    where: str
    screen: ImageRef | None
    action: Action
    instruction: str = ""
    thought: str = ""
    size: Size | None = None
    is_trained: bool = True  # False where the log says that the answer is not
    unit: str = ""  # of its points: px, unit (0 to 1) or thousand (0 to 1000); "" where other records of the source decide
    is_voted: bool = False  # whether these have decided


class StepNumber(NamedTuple):
    """Of which episode a refused record is one step, and its number there, None where that cannot be read. `episode_id` is that of its row."""

    group: str
    order: int | None
    episode_id: str


class Episode(Noun, frozen=True):
    """The steps of a record, of which each becomes a conversation once the sizes of its screens are known.

    A record of a data set with one record per step has `group` and `order`. The earlier steps of its group, which are other records, are
    `earlier`: they are history only.
    """

    goal: str
    steps: tuple[Step, ...]
    group: str | None = None
    order: int = 0
    first: int | None = None  # the lowest order of a group; None where it is not known
    earlier: tuple[Step, ...] = ()
    vote: str | None = None  # the unit that the values of this record decide, "" where they allow several; None where it is documented or set
