"""Numbers -> positions and sizes of bars and dots, in the units of the SVG drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.report.data import ImageSize
from pipelines.visible import counted

WIDTH, HEIGHT = 560, 120
BINS = 40


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    radius: float
    label: str


def length_bars(counts: Mapping[int, int], most: int) -> list[Bar]:
    """A histogram of token lengths from 0 to `most`."""
    step = max(1, -(-most // BINS))
    bins = [0] * BINS
    for length, count in counts.items():
        bins[min(BINS - 1, max(0, length - 1) // step)] += count
    highest = max(bins, default=0) or 1
    width = WIDTH / BINS
    return [
        Bar(i * width, HEIGHT * (1 - count / highest), width - 1, HEIGHT * count / highest, f"{_lengths(i, step)}: {counted(count, 'row')}")
        for i, count in enumerate(bins)
        if count
    ]


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


def size_dots(sizes: Sequence[ImageSize], side: float = 260) -> list[Dot]:
    """A dot per size at (width, height) in px, scaled to the longest side; its area grows with the number of images."""
    longest = max((max(size.width, size.height) for size in sizes), default=1)
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
