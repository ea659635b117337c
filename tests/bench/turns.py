"""Ways of doing the same, in turn: what each costs in every round, and what the rounds together say."""

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

Cost = dict[str, Any]  # of a way in one round: cpu_s_per_1000, wall_s, python_mb, and what else is known of it
Ways = Sequence[tuple[str, Callable[[], int]]]  # (name, work that gives its number of tokens), in turn; what has one name counts together


class Spent(NamedTuple):
    """CPU seconds, seconds, and the most MB that this process had: its libraries and what other ways left there are among them."""

    cpu: float = 0.0
    wall: float = 0.0
    most_mb: float = 0.0

    def with_more(self, other: Spent) -> Spent:
        return Spent(self.cpu + other.cpu, self.wall + other.wall, max(self.most_mb, other.most_mb))

    def cost(self, records: int) -> Cost:
        return {"cpu_s_per_1000": self.cpu * 1000 / records, "wall_s": self.wall, "python_mb": self.most_mb}


def spent_on(work: Callable[[], int]) -> tuple[Spent, int]:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the most so far is forgotten
    cpu, started = _cpu_seconds(), time.monotonic()
    tokens = work()
    return Spent(_cpu_seconds() - cpu, time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024), tokens


def _cpu_seconds() -> float:
    """Of this process and of those that it has running: pictures are decoded in a child."""
    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return time.process_time() + sum(one.user + one.system for one in times)


def in_turn(ways_of: Callable[[int], Ways], pairs: int, records: int, then: Callable[[int], None]) -> tuple[dict[str, list[Cost]], dict[str, int]]:
    """What each way costs, once per round; the first round, number 0, warms up and is left out. A round's ways are made before it is timed.

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
    """Medians of each way's rounds, the most memory of all, and by pairs how many times the limit's CPU it takes.

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
