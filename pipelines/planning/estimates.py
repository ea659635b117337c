"""From a sample to all records: totals with an interval of 95 %."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

_Z = 1.959964  # 97.5 % of a normal distribution are below


Key = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A total over all records: `low` to `high` is its interval of 95 %, and `in_sample` what the sampled records have of it."""

    total: int
    low: int
    high: int
    in_sample: int

    @property
    def is_exact(self) -> bool:
        return self.low == self.high


class Sums:
    """Sums over sampled records, each a mapping of amounts, by source and key. What is in `exact` was counted over all records."""

    def __init__(self) -> None:
        self.sampled: Counter[str] = Counter()  # records by source
        self.exact: Counter[Key] = Counter()
        self._sums: dict[Key, Counter[str]] = {}
        self._squares: dict[Key, Counter[str]] = {}

    def add(self, source: str, amounts: Mapping[Key, int]) -> None:
        """Adds what one record has. A key that no record of a source has is certain to be 0 in that source."""
        self.sampled[source] += 1
        for key, amount in amounts.items():
            self._sums.setdefault(key, Counter())[source] += amount
            self._squares.setdefault(key, Counter())[source] += amount * amount

    @property
    def keys(self) -> set[Key]:
        return {*self._sums, *self.exact}

    def estimate(self, key: Key, records: Mapping[str, int], is_count: bool = True) -> Estimate:
        """The total under this key. Of each source there are `records`, of which those added are a random sample without replacement. `is_count`
        says that a record with one conversation has 0 or 1 of it."""
        found = self._sums.get(key, Counter())
        parts = [interval(self.sampled[source], records[source], some, self._squares[key][source], is_count) for source, some in found.items()]
        total = sum(middle for _, middle, _ in parts)
        # The sources are independent of one another: their distances to either end add up as squares.
        below, above = (math.sqrt(sum((part[end] - part[1]) ** 2 for part in parts)) for end in (0, 2))
        known, seen = self.exact[key], found.total()
        return Estimate(known + round(total), known + max(seen, math.floor(total - below)), known + math.ceil(total + above), known + seen)


def interval(sampled: int, records: int, found: int, squares: int, is_count: bool = True) -> tuple[float, float, float]:
    """(low, total, high): the total over all records of an amount with this sum and this sum of squares over the sampled ones.

    What is 0 or 1 in each record gets Wilson's interval, which holds for rare ones too; any other amount gets Student's. Both shrink as the sample
    approaches all records. Where no record of the sample has more than 1 of an amount, as many others may have one more as may have
    anything that no record of the sample has. Source of Student's quantile: Abramowitz and Stegun 26.7.5.
    """
    if sampled >= records:
        return float(found), float(found), float(found)
    mean, left_out = found / sampled, 1 - sampled / records
    if sampled < 2:
        return float(found), records * mean, 2 * records * mean
    if found == squares:
        size = sampled / left_out  # a sample of a part of the records is worth as much as a greater one of endless many
        middle, half = mean + _Z**2 / (2 * size), _Z * math.sqrt(mean * (1 - mean) / size + (_Z / (2 * size)) ** 2)
        low, high = ((middle + sign * half) / (1 + _Z**2 / size) for sign in (-1, 1))
        high = min(records * high, records - (sampled - found))
        return records * max(0.0, low), records * mean, high if is_count else high + records * _Z**2 / (size + _Z**2)
    variance = (squares - found * mean) / (sampled - 1)
    half = _student(sampled - 1) * records * math.sqrt(variance / sampled * left_out)
    return max(0.0, records * mean - half), records * mean, records * mean + half


def _student(freedom: int) -> float:
    z = _Z
    return (
        z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2) + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )


def least_that_fits(lengths: Iterable[tuple[int, float]], share: float) -> int | None:
    """The smallest number that at least this share of the lengths does not exceed, each length with its weight; None where there are none.

    >>> least_that_fits([(10, 1), (30, 1), (20, 1)], 1.0), least_that_fits([(10, 1), (30, 1), (20, 98)], 0.99)
    (30, 20)
    """
    ordered = sorted(lengths)
    left = sum(weight for _, weight in ordered) * share * (1 - 1e-12)  # sums of weights are rounded
    for length, weight in ordered:
        left -= weight
        if left <= 0:
            return length
    return ordered[-1][0] if ordered else None
