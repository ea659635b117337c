"""Runs several programs in turn, and compares what each of them costs in every round."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import psutil

Cost = dict[str, Any]  # of a program in one round: cpu_s_per_1000, wall_s, python_mb, and more
Ways = Sequence[tuple[str, Callable[[], int]]]  # (name, work that returns its number of tokens), in turn; work with the same name is added up


class Spent(NamedTuple):
    """CPU seconds, seconds, and the peak memory of this process in MB, which includes its libraries and what other programs left there."""

    cpu: float = 0.0
    wall: float = 0.0
    most_mb: float = 0.0

    def with_more(self, other: Spent) -> Spent:
        return Spent(self.cpu + other.cpu, self.wall + other.wall, max(self.most_mb, other.most_mb))

    def cost(self, records: int) -> Cost:
        return {"cpu_s_per_1000": self.cpu * 1000 / records, "wall_s": self.wall, "python_mb": self.most_mb}


def spent_on(work: Callable[[], int]) -> tuple[Spent, int]:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    cpu, started = _cpu_seconds(), time.monotonic()
    tokens = work()
    return Spent(_cpu_seconds() - cpu, time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024), tokens


def _cpu_seconds() -> float:
    """CPU seconds of this process and its running children, one of which decodes pictures."""
    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return time.process_time() + sum(one.user + one.system for one in times)


def in_turn(ways_of: Callable[[int], Ways], pairs: int, records: int, then: Callable[[int], None]) -> tuple[dict[str, list[Cost]], dict[str, int]]:
    """What each program costs in every round. Round 0 only warms up. The programs of a round are prepared before it is timed.

    `then` does what else belongs to a round, and times it by itself.
    """
    costs: dict[str, list[Cost]] = {}
    tokens: dict[str, int] = {}
    for number in range(pairs + 1):
        spent: dict[str, Spent] = {}
        tokens.clear()
        for name, work in ways_of(number):
            taken, made = spent_on(work)
            spent[name], tokens[name] = spent.get(name, Spent()).with_more(taken), tokens.get(name, 0) + made
        if number:
            for name, taken in spent.items():
                costs.setdefault(name, []).append(taken.cost(records))
            then(number)
        print(f"round {number} of {pairs} done", file=sys.stderr)
    return costs, tokens


def compared(costs: dict[str, list[Cost]], records: int) -> dict[str, Any]:
    """For each program: medians over the rounds, the peak memory, and its CPU time as a multiple of the lower bound, pair by pair.

    Records a second are of the whole time, from command to result where a way is a command.
    """
    costs = {way: found for way, found in costs.items() if found}
    return {
        "cpu_s_per_1000": {way: _median(found, "cpu_s_per_1000", 3) for way, found in costs.items()},
        "over_limit": {way: ratios(found, costs["limit"]) for way, found in costs.items() if way != "limit"},
        "wall_s": {way: _median(found, "wall_s", 1) for way, found in costs.items()},
        "records_per_s": {way: round(statistics.median(one.get("records", records) / one["wall_s"] for one in found)) for way, found in costs.items()},
        "python_mb": {way: round(max(one["python_mb"] for one in found)) for way, found in costs.items()},
    }


def _median(found: Sequence[Cost], what: str, digits: int) -> float:
    return round(statistics.median(one[what] for one in found), digits)


def ratios(over: Sequence[Cost], under: Sequence[Cost], what: str = "cpu_s_per_1000") -> dict[str, float]:
    found = sorted(a[what] / b[what] for a, b in zip(over, under, strict=True))
    return {"median": round(statistics.median(found), 2), "least": round(found[0], 2), "most": round(found[-1], 2)}
