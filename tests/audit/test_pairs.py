"""Pairs of screens whose hashes are nearly the same."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from pipelines.audit.pairs import MOST_BITS, Pair, similar_screens, similar_tasks
from pipelines.audit.phrases import Commonness, words_of


def plain(hashes: list[int]) -> list[tuple[int, int]]:
    return [(i, j) for i, one in enumerate(hashes) for j, other in enumerate(hashes) if i < j and (one ^ other).bit_count() <= MOST_BITS]


@pytest.mark.parametrize("seed", range(5))
def test_every_pair_of_hashes_that_differ_in_few_bits_is_found_once(seed: int):
    random = Random(seed)
    hashes = {random.getrandbits(64) for _ in range(200)}
    for one in list(hashes)[:100]:
        for _ in range(random.randint(1, 4)):
            one ^= 1 << random.randrange(64)
        hashes.add(one)
    hashes |= {0, 1, 3, 7, (1 << 64) - 1, 1 << 63}
    given = sorted(hashes)
    found = list(similar_screens(np.array(given, np.uint64)))
    assert [(pair.one, pair.other) for pair in found] == plain(given)
    assert all(pair.similarity == 1 - (given[pair.one] ^ given[pair.other]).bit_count() / 64 for pair in found)


def test_no_screens_have_no_pairs():
    assert list(similar_screens(np.zeros(0, np.uint64))) == []
    assert list(similar_screens(np.array([5], np.uint64))) == []


def pairs(tasks: list[str], sides: list[int]) -> list[Pair]:
    common = Commonness()
    for task in tasks:
        common.add(0, words_of(task))
    return list(similar_tasks([common.sketch(words_of(task)) for task in tasks], np.array(sides, np.int64)))


def test_only_tasks_of_two_sides_are_paired():
    tasks = ["order two cups of green tea", "please order two cups of green tea", "send the photos of the holiday to Lin", "send the holiday to Lin: photos"]
    assert [(pair.one, pair.other) for pair in pairs(tasks, [0, 1, 0, 0])] == [(0, 1)]
    assert [(pair.one, pair.other) for pair in pairs(tasks, [0, 0, -1, -1])] == [(2, 3)]  # each is on several sides
    assert pairs([], []) == []


def test_short_tasks_with_other_numbers_are_other_tasks():
    tasks = ["convert 188 dollars to euros", "convert 753 dollars to euros", "now convert 753 dollars to euros"]
    assert [(pair.one, pair.other) for pair in pairs(tasks, [0, 1, 2])] == [(1, 2)]
    issue = " ".join(f"word{number}" for number in range(80))
    assert len(pairs([f"{issue} version 1", f"{issue} version 2"], [0, 1])) == 1
