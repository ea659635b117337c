"""The intervals of 95 % hold the true total about as often as they say."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from pipelines.planning.estimates import Estimate, Sums, interval

MANY = 400  # samples


def estimates(amounts: list[int], sampled: int) -> list[Estimate]:
    """The estimates of many random samples of these records."""
    chance = random.Random(1)
    found = []
    for _ in range(MANY):
        sums = Sums()
        for amount in chance.sample(amounts, sampled):
            sums.add("a", {("x",): amount})
        found.append(sums.estimate(("x",), Counter(a=len(amounts))))
    return found


@pytest.mark.parametrize("sampled", [100, 1000, 1900])
@pytest.mark.parametrize("kind", ["even", "long tail", "common", "rare"])
def test_an_interval_holds_the_true_total_in_most_samples(kind: str, sampled: int):
    chance = random.Random(0)
    make = {
        "even": lambda: chance.randrange(500, 1500),
        "long tail": lambda: round(chance.lognormvariate(7, 1)),
        "common": lambda: int(chance.random() < 0.6),
        "rare": lambda: int(chance.random() < 0.01),
    }[kind]
    amounts = [make() for _ in range(2000)]
    found = estimates(amounts, sampled)
    assert sum(one.low <= sum(amounts) <= one.high for one in found) >= 0.9 * MANY
    assert all(one.low <= one.total <= one.high for one in found)
    assert abs(sum(one.total for one in found) / MANY / sum(amounts) - 1) < 0.05


def test_all_records_give_an_exact_total():
    assert interval(7, 7, 12, 40) == (12.0, 12.0, 12.0)


def test_one_record_says_little_about_others():
    assert interval(1, 10, 3, 9) == (3.0, 30.0, 60.0)


@pytest.mark.parametrize(("found", "low", "high"), [(0, 0, 34), (1, 1, 51), (100, 966, 1000)])
def test_what_no_record_of_a_sample_has_may_still_occur(found: int, low: int, high: int):
    sums = Sums()
    for number in range(100):
        sums.add("a", {("x",): int(number < found)})
    estimate = sums.estimate(("x",), Counter(a=1000))
    assert (estimate.low, estimate.high) == (low, high)


def test_what_is_one_in_each_record_of_a_sample_may_be_more_in_others():
    count, amount = (interval(100, 1000, 100, 100, is_count) for is_count in (True, False))
    assert count[:2] == amount[:2]
    assert (count[2], round(amount[2])) == (1000, 1033)


def test_sources_add_up_and_what_was_counted_of_all_records_is_exact():
    sums = Sums()
    for number in range(10):
        sums.add("a", {("x",): 5 + number % 2, ("y",): 1})
        sums.add("b", {("x",): 7})
    sums.exact["x",] += 4
    records = Counter(a=100, b=10)
    estimate = sums.estimate(("x",), records)
    assert (estimate.total, estimate.in_sample) == (4 + 550 + 70, 4 + 55 + 70)
    assert estimate.low < estimate.total < estimate.high
    assert sums.estimate(("y",), records).high == 100  # no record of b has it, and every one of a
    sums.exact["z",] += 3
    assert sums.estimate(("z",), records) == Estimate(3, 3, 3, 3)
