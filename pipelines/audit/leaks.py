"""From the episodes of a root, and of a folder of test sets, to those that are the same or nearly the same on two sides."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import numpy as np

from pipelines.audit.episodes import TEST_SET, Episode, Reader, Side
from pipelines.audit.pairs import SEVERAL, Pair, similar_screens, similar_tasks
from pipelines.audit.phrases import Commonness, Sketch, excerpt, key_of, words_of

SHOWN = 400  # characters of a task
COMMON_SHARE, COMMON_EPISODES = 0.3, 20  # a text with which more of a source's episodes begin is no task, such as "Continue."
MOST_TASKS = 3  # with which a screen says something: on a home screen many episodes begin
FEWEST_BITS = 4  # of a hash; a screen with fewer is nearly of one colour
MASK = (1 << 64) - 1
ORDER = {TEST_SET: 0, "test": 1, "val": 2, "train": 3}  # the more a side must be unseen, the earlier


class Leak(NamedTuple):
    """An episode of the side that must rather be unseen, one of another side that is like it, and how many of each side have these two tasks.

    `task` is the similarity of the tasks, `screen` that of the screens on which the two episodes begin, 1 for the same; None where they are not alike.
    """

    one: Episode
    other: Episode
    task: float | None
    screen: float | None
    of_one: int
    of_other: int

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.one.side, self.other.side


@dataclass(slots=True)
class Audit:
    """What was compared, and the leaks, the worst first. `texts` are the beginnings of the tasks, by number; `common` of those that say nothing."""

    episodes: Counter[Side] = field(default_factory=Counter)
    texts: list[str] = field(default_factory=list)
    common: dict[str, int] = field(default_factory=dict)  # text -> episodes
    leaks: list[Leak] = field(default_factory=list)
    screens: int = 0
    hashed: int = 0  # of these; the others are compared by their bytes

    def text_of(self, episode: Episode) -> str:
        if episode.text is not None:
            return episode.text
        return self.texts[episode.task] if episode.task >= 0 else ""


@dataclass(slots=True)
class _Grouped:
    """Episodes by what they share, a task or a screen, and by side."""

    by_side: list[dict[Side, list[Episode]]] = field(default_factory=list)

    def add(self, number: int, episode: Episode) -> None:
        self.by_side += [{} for _ in range(number + 1 - len(self.by_side))]
        self.by_side[number].setdefault(episode.side, []).append(episode)

    def sides(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """The side of each as a number, SEVERAL where it has several."""
        numbers = {side: at for at, side in enumerate(sorted(set(chain.from_iterable(self.by_side))))}
        return np.array([numbers[next(iter(found))] if len(found) == 1 else SEVERAL for found in self.by_side], np.int64)

    def on_two_sides(self, pairs: Iterable[Pair]) -> Iterator[tuple[float, list[Episode], list[Episode]]]:
        """(similarity, episodes of one side, episodes of another), for each group with itself and for each pair of groups."""
        for pair in chain((Pair(at, at, 1.0) for at, found in enumerate(self.by_side) if len(found) > 1), pairs):
            for one, left in self.by_side[pair.one].items():
                for other, right in self.by_side[pair.other].items():
                    if one != other and (pair.one != pair.other or _rank(one) < _rank(other)):
                        yield pair.similarity, *((left, right) if _rank(one) < _rank(other) else (right, left))


def audit(readers: Sequence[Reader], hashes: Mapping[str, int]) -> Audit:
    """Compares all episodes that these readers give; each is read twice. `hashes` are the difference hashes of screens by sha256."""
    made, common, episodes = Audit(), Commonness(), list[Episode]()
    tasks: dict[bytes, int] = {}
    sources: dict[tuple[str, bool], int] = {}
    counted: set[tuple[int, int]] = set()
    for episode, text in chain.from_iterable(read() for read in readers):
        episodes.append(episode)
        made.episodes[episode.side] += 1
        if words := words_of(text):
            episode.task = tasks.setdefault(key_of(words), len(tasks))
            made.texts += [text[:SHOWN]] if episode.task == len(made.texts) else []  # until it is known where its rare phrases are
            source = sources.setdefault(episode.side.origin, len(sources))
            if (source, episode.task) not in counted:
                counted.add((source, episode.task))
                common.add(source, words)
    made.common = _without_common_tasks(made, episodes)
    leaks = _task_leaks(made, readers, common, episodes)
    _add_screens(made, leaks, episodes, hashes)
    made.leaks = sorted(leaks.values(), key=_badness)
    return made


def _without_common_tasks(made: Audit, episodes: Sequence[Episode]) -> dict[str, int]:
    """Takes away the tasks with which too many episodes of a source begin; their texts, with the number of episodes."""
    by_task = Counter((episode.side.origin, episode.task) for episode in episodes if episode.task >= 0)
    by_source = Counter(episode.side.origin for episode in episodes)
    common = {task for (source, task), count in by_task.items() if count >= COMMON_EPISODES and count > COMMON_SHARE * by_source[source]}
    found: Counter[str] = Counter()
    for episode in episodes:
        if episode.task in common:
            found[made.texts[episode.task]] += 1
            episode.task = -1
    return dict(found)


Name = int | str
Key = tuple[Name, Side, Name, Side]  # a task on a side, and a task on another


def _task_leaks(made: Audit, readers: Sequence[Reader], common: Commonness, episodes: Sequence[Episode]) -> dict[Key, Leak]:
    grouped, sketches = _Grouped(), dict[int, Sketch]()
    owned: dict[str, str] = {}  # one copy of each text: many episodes may have it
    for episode in episodes:
        if episode.task >= 0:
            grouped.add(episode.task, episode)
    for episode, text in chain.from_iterable(read() for read in readers):
        if episode.task < 0:
            own = text[:SHOWN]
        elif episode.task in sketches:
            own = excerpt(text, sketches[episode.task].first, SHOWN)  # the same words, but perhaps in another case, or with other marks
        else:
            sketches[episode.task] = common.sketch(words_of(text))
            own = made.texts[episode.task] = excerpt(text, sketches[episode.task].first, SHOWN)
        if episode.task < 0 or own != made.texts[episode.task]:
            episode.text = owned.setdefault(own, own)
    numbers = sorted(sketches)
    sides = grouped.sides()
    pairs = similar_tasks([sketches[number] for number in numbers], sides[numbers] if numbers else sides)
    named = (Pair(numbers[pair.one], numbers[pair.other], pair.similarity) for pair in pairs)
    return {_key(left[0], right[0]): Leak(left[0], right[0], alike, None, len(left), len(right)) for alike, left, right in grouped.on_two_sides(named)}


def _add_screens(made: Audit, leaks: dict[Key, Leak], episodes: Sequence[Episode], hashes: Mapping[str, int]) -> None:
    """Adds the similarity of screens to the leaks of tasks, and the leaks of episodes whose screens alone are alike.

    A screen that is nearly of one colour says nothing, nor does one on which many tasks begin, counted with all screens that are like it.
    """
    values: dict[int, int] = {}
    grouped = _Grouped()
    for episode in episodes:
        if episode.screen is not None:
            hashed = hashes.get(episode.screen)
            made.screens += 1
            made.hashed += hashed is not None
            value = int(episode.screen[:16], 16) if hashed is None else hashed & MASK
            if hashed is None or value.bit_count() >= FEWEST_BITS:
                grouped.add(values.setdefault(value, len(values)), episode)
    pairs = list(similar_screens(np.array(list(values), np.uint64)))
    tasks = [{_name(episode) for found in by_side.values() for episode in found} for by_side in grouped.by_side]
    around = [set(own) for own in tasks]
    for pair in pairs:
        around[pair.one] |= tasks[pair.other]
        around[pair.other] |= tasks[pair.one]
    grouped.by_side = [by_side if len(names) <= MOST_TASKS else {} for by_side, names in zip(grouped.by_side, around, strict=True)]
    for alike, left, right in grouped.on_two_sides(pairs):
        for one, of_one in _by_task(left):
            for other, of_other in _by_task(right):
                leak = leaks.get(_key(one, other)) or Leak(one, other, None, alike, of_one, of_other)
                leaks[_key(one, other)] = leak._replace(screen=max(alike, leak.screen or 0))


def _by_task(episodes: Iterable[Episode]) -> Iterator[tuple[Episode, int]]:
    """The first episode of each task, and how many have this task."""
    found: dict[Name, list[Episode]] = defaultdict(list)
    for episode in episodes:
        found[_name(episode)].append(episode)
    return ((of_task[0], len(of_task)) for of_task in found.values())


def _name(episode: Episode) -> Name:
    """Equal for episodes of the same task."""
    return episode.task if episode.task >= 0 else episode.sample_id


def _key(one: Episode, other: Episode) -> Key:
    return _name(one), one.side, _name(other), other.side


def _rank(side: Side) -> tuple[int, str, str]:
    return ORDER.get(side.split, len(ORDER)), side.split, side.source


def _badness(leak: Leak) -> tuple[object, ...]:
    """Sorts what is on two sides of a split before what is in two sources, tasks before screens alone, and the most alike first."""
    alike = (leak.task or 0) + (leak.screen or 0) / 2
    return (
        leak.one.side.split == leak.other.side.split,
        leak.task is None,
        -alike,
        _rank(leak.one.side),
        _rank(leak.other.side),
        leak.one.sample_id,
        leak.other.sample_id,
    )
