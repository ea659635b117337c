"""Pairs on two sides: of tasks whose rare phrases are nearly the same, and of screens whose difference hashes are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.audit.phrases import Sketch, Weighted, overlap

# Of the weight. A copy may have more words than its original; where either has rare words of its own, they are two tasks.
LEAST_OF_BOTH, LEAST_OF_SMALLER = 0.35, 0.65
LEAST_EVIDENCE, MUCH_EVIDENCE = 1.0, 16.0  # weights of the rare phrases in both; phrases that overlap count as several
NEARLY = 0.99  # the most that two tasks with other words are alike: common words weigh nothing, and the goal may be one of them
MOST_BITS = 2  # of 64 in which the hashes of nearly the same screen differ
SEVERAL = -1  # the side of what is on several sides
AT_ONCE = 1 << 22
Numbers = npt.NDArray[np.int64]


class Pair(NamedTuple):
    """Two tasks or two screens by their numbers, `one` below `other`, and how similar they are, below 1."""

    one: int
    other: int
    similarity: float


def similar_tasks(sketches: Sequence[Sketch], sides: Numbers) -> Iterator[Pair]:
    """The pairs of nearly the same tasks, but for those of one side: they share a rare phrase, and most of their words; or several rare phrases, and most
    of these, whatever the words around them."""
    pairs, shared = _sharing([sketch.phrases for sketch in sketches], sides)
    for pair in pairs[shared > LEAST_EVIDENCE - 1e-4].tolist():
        one, other = sketches[pair // len(sketches)], sketches[pair % len(sketches)]
        if one.numbers - other.numbers and other.numbers - one.numbers:  # 7:30 and 8:30
            continue
        alike = max(_alike(one.words, other.words, 0.0), _alike(one.phrases, other.phrases, MUCH_EVIDENCE))
        if alike:
            yield Pair(pair // len(sketches), pair % len(sketches), min(alike, NEARLY))


def _alike(one: Weighted, other: Weighted, evidence: float) -> float:
    """How alike two sets are, 0 where it is too little to be the same task."""
    found = overlap(one, other)
    return found.of_both if found.shared >= evidence and found.of_both >= LEAST_OF_BOTH and found.of_smaller >= LEAST_OF_SMALLER else 0.0


def _sharing(sketches: Sequence[Weighted], sides: Numbers) -> tuple[Numbers, npt.NDArray[np.float64]]:
    """Every pair of tasks that share a phrase and are not on one side, as one * number of tasks + other, and the sum of the weights that it shares."""
    pairs: Numbers = np.zeros(0, np.int64)
    shared: npt.NDArray[Any] = np.zeros(0)
    if not sketches:
        return pairs, shared
    tasks = np.repeat(np.arange(len(sketches)), [len(sketch.hashes) for sketch in sketches])
    hashes, weights = (np.concatenate(parts) for parts in zip(*sketches, strict=True))
    order = np.argsort(hashes, kind="stable")
    tasks, hashes, weights = tasks[order], hashes[order], weights[order]
    step = 1  # pairs a phrase's tasks with those that come so many places later; few tasks have a rare phrase
    while len(same := np.flatnonzero(hashes[step:] == hashes[:-step])):
        for start in range(0, len(same), AT_ONCE):
            at = same[start : start + AT_ONCE]
            at = at[_differ(sides, tasks[at], tasks[at + step])]
            pairs, places = np.unique(np.concatenate([pairs, tasks[at] * len(sketches) + tasks[at + step]]), return_inverse=True)
            shared = np.bincount(places, np.concatenate([shared, weights[at]]), len(pairs))
        step += 1
    return pairs, shared


def _differ(sides: Numbers, one: Numbers, other: Numbers) -> npt.NDArray[np.bool_]:
    return (sides[one] != sides[other]) | (sides[one] == SEVERAL)


def similar_screens(hashes: npt.NDArray[np.uint64]) -> Iterator[Pair]:
    """The pairs of distinct hashes that differ in at most MOST_BITS bits, whatever their sides.

    Two such hashes have at least one of MOST_BITS + 1 parts in common, so only hashes with a common part are compared.
    """
    found: dict[tuple[int, int], int] = {}
    width = -(-64 // (MOST_BITS + 1))
    for part in range(MOST_BITS + 1):
        parts = (hashes >> np.uint64(part * width)) & np.uint64((1 << width) - 1)
        order = np.argsort(parts, kind="stable")
        changes = np.flatnonzero(np.diff(parts[order])) + 1
        for group in map(np.sort, np.split(order, changes)):
            for place, one in enumerate(group[:-1].tolist()):
                bits = np.bitwise_count(hashes[one] ^ hashes[group[place + 1 :]])
                for at in np.flatnonzero(bits <= MOST_BITS).tolist():
                    found[one, int(group[place + 1 + at])] = int(bits[at])
    for (one, other), bits_differ in sorted(found.items()):
        yield Pair(one, other, 1 - bits_differ / 64)
