"""Numbers -> positions and sizes of bars, dots and ticks, in the units of the SVG drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil

from pipelines.reports.data import ImageSize
from pipelines.visible import counted

WIDTH, HEIGHT = 320, 120  # small, so that the labels can be read on a telephone
SIDE = 260  # of the drawing of image sizes
BINS = 40
TICKS = 5  # about as many on an axis


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    label: str
    is_hollow: bool = False


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    radius: float
    label: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on an axis; `at` is its distance from the axis's beginning."""

    at: float
    label: str


def ticks(most: float, length: float, whole: bool = True) -> list[Tick]:
    """Round numbers from 0 to at most `most`, on an axis of this length; `whole` numbers where a part of one makes no sense.

    >>> [(tick.at, tick.label) for tick in ticks(1234, 617)], [tick.label for tick in ticks(0.5, 100, whole=False)]
    ([(0.0, '0'), (250.0, '500'), (500.0, '1,000')], ['0', '0.2', '0.4'])
    """
    if most <= 0:
        return [Tick(0.0, "0")]
    step = _step(most, whole)
    return [Tick(length * step * i / most, short(step * i)) for i in range(int(most / step + 1e-9) + 1)]


def end_of_axis(most: float, whole: bool = True) -> float:
    """The first tick that is not below `most`.

    >>> end_of_axis(1234), end_of_axis(40), round(end_of_axis(0.5, whole=False), 9)
    (1500.0, 40.0, 0.6)
    """
    step = _step(most, whole)
    return step * ceil(most / step - 1e-9)


def _step(most: float, whole: bool) -> float:
    powers = count(0 if whole else -6)
    return next(step for power in powers for step in (10.0**power, 2 * 10.0**power, 5 * 10.0**power) if most / step <= TICKS - 1)


def short(value: float) -> str:
    """A number that fits beside an axis.

    >>> short(500), short(20_000), short(1_500_000), short(3e9), short(0.2)
    ('500', '20,000', '1.5M', '3B', '0.2')
    """
    for unit, letter in ((10**9, "B"), (10**6, "M")):
        if value >= unit:
            return f"{value / unit:,.10g}{letter}"
    return f"{value:,.10g}"


def axis_end(counts: Mapping[int, int], max_tokens: int) -> int:
    """Where the axis of lengths ends: a round number that 99 of 100 rows do not exceed, and at most max_tokens. The last bar includes all longer rows.

    >>> axis_end({617: 2}, 4096), axis_end({90: 200, 5000: 1}, 8192), axis_end({4050: 1}, 4096), axis_end({}, 4096)
    (800, 100, 4096, 4096)
    """
    long = percentile(counts, 0.99) or max_tokens
    round_up = next((step * 10**power for power in range(1, 19) for step in (2, 4, 6, 8, 10) if step * 10**power >= long), max_tokens)
    return max(1, min(round_up, max_tokens))


def length_bars(counts: Mapping[int, int], most: int) -> list[Bar]:
    """A histogram of token lengths from 0 to `most`."""
    step = bin_size(most)
    bins, highest = _bins(counts, most), end_of_counts(counts, most)
    width = WIDTH / BINS
    return [
        Bar(i * width, HEIGHT * (1 - number / highest), width - 1, HEIGHT * number / highest, f"{_lengths(i, step)}: {counted(number, 'row')}")
        for i, number in enumerate(bins)
        if number
    ]


def end_of_counts(counts: Mapping[int, int], most: int) -> float:
    """Where the axis of the histogram's rows ends: a tick that its highest bar does not exceed."""
    return end_of_axis(max(1, *_bins(counts, most)))


def bin_size(most: int) -> int:
    """How many lengths one bar has."""
    return max(1, -(-most // BINS))


def _bins(counts: Mapping[int, int], most: int) -> list[int]:
    bins = [0] * BINS
    for length, number in counts.items():
        bins[min(BINS - 1, max(0, length - 1) // bin_size(most))] += number
    return bins


def _lengths(i: int, step: int) -> str:
    """The lengths in bin `i`, for example `11 to 20 tokens`."""
    first, last = i * step + 1, (i + 1) * step
    return f"{first:,} to {last:,} tokens" if last > first else counted(first, "token")


def percentile(counts: Mapping[int, int], share: float) -> int:
    """The smallest length that at least this share of the rows does not exceed; 0 without rows."""
    needed = share * sum(counts.values())
    seen = 0
    for length in sorted(counts):
        seen += counts[length]
        if seen >= needed:
            return length
    return 0


def longest_side(sizes: Sequence[ImageSize]) -> int:
    """In px."""
    return max((max(size.width, size.height) for size in sizes), default=1)


def size_dots(sizes: Sequence[ImageSize], side: float = SIDE) -> list[Dot]:
    """A dot per size at (width, height) in px, scaled to the longest side; its area grows with the number of images."""
    longest = longest_side(sizes)
    most = max((size.count for size in sizes), default=1)
    return [
        Dot(
            side * size.width / longest,
            side * (1 - size.height / longest),
            3 + 9 * (size.count / most) ** 0.5,
            f"{size.width}x{size.height} px {size.format}: {counted(size.count, 'image')}",
        )
        for size in sizes
    ]
