"""Dotted paths into a record: `request.messages`, `response.choices[0].message`, `turns | data.turns` (the first that is there).

A key may have dots itself (`attributes.gen_ai.input.messages`), a list may be one of pairs (`[{"key": k, "value": v}]`, as in OTLP), and a
text on the way may be JSON. What was read on the way is noted in a `Trail`, so that every key beside the path can be accounted for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from pipelines.formats.keys import Unread
from pipelines.formats.logged import Json, place
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import parse_json
from pipelines.parsing.written import Path, Written
from pipelines.reasons import Reject
from pipelines.visible import counted

MOST_KEYS, MOST_LETTERS = 64, 64  # of an object, and of a key, that are compared with a name that is not there
Steps = tuple[str | int, ...]
_STEP = re.compile(r"([^.\[\]]+)|\[(-?\d+)\]")
_TYPED = ("stringValue", "intValue", "doubleValue", "boolValue", "arrayValue", "kvlistValue")  # OTLP


class Found(NamedTuple):
    """A value of a record: the path to it in `written`, and its place for people."""

    value: Json
    path: Path
    written: Written
    where: str

    def at(self, step: str | int) -> Found:
        return Found(self.value[step], (*self.path, step), self.written, place((step,), self.where))


class Trail:
    """Which keys of which objects of a record were read, by the place of the object."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.read: dict[str, tuple[Mapping[str, Json], set[str]]] = {}
        self.items: dict[str, tuple[list[Json], set[int]]] = {}  # which elements of which lists, by the place of the list
        self.rest: list[tuple[str, str, Json]] = []  # (place, key, what is left of its value) where a part of a value was read

    def add(self, where: str, holder: Mapping[str, Json], keys: Iterable[str]) -> None:
        self.read.setdefault(where, (holder, set()))[1].update(keys)

    def account(
        self,
        unread: Unread,
        harmless: frozenset[str] = frozenset(),
        why: Callable[[str, Json], str] = lambda key, value: "",
        repeats: Callable[[str, Json], bool] | None = None,
    ) -> None:
        """Counts every key beside those that were read. `why` says of a key and its value why they matter, "" where they do not; `repeats` whether
        they only say again what is read."""
        for where, (holder, keys) in self.read.items():
            others = {key: value for key, value in holder.items() if key not in keys and key not in harmless and value is not None}
            for key, value in others.items():
                unread.add("record", where, key, value, why(key, value), repeats)
        for where, key, value in self.rest:
            unread.add("record", where, key, value, why(key, value), repeats)
        for where, (items, numbers) in self.items.items():
            if (other := next((i for i in range(len(items)) if i not in numbers), None)) is not None:
                unread.add("record", "", f"{where}[{other}]", items[other], f"of {counted(len(items), 'element')}, {len(numbers)} are read")


@lru_cache(maxsize=4096)
def steps_of(paths: str) -> tuple[Steps, ...]:
    """The alternatives of a path, each as its steps.

    >>> steps_of("a.b[0] | c")
    (('a', 'b', 0), ('c',))
    """
    return tuple(tuple(name or int(number) for name, number in _STEP.findall(path.strip())) for path in paths.split("|"))


def is_path(text: str) -> bool:
    """Whether this text is a path, or alternatives of one."""
    return all(part.strip() and re.fullmatch(r"\s*[^.\[\]|]+(?:\.[^.\[\]|]+|\[-?\d+\])*\s*", part) for part in text.split("|"))


def nearest_path(record: Json, path: str) -> str | None:
    """This path with the first key that the record does not have replaced by the nearest one that it has; None where none is near.

    >>> nearest_path({"data": {"dialogue": []}}, "data.dialog"), nearest_path({"x": 1}, "turns")
    ('data.dialogue', None)
    """
    steps = steps_of(path)[0]
    for i, step in enumerate(steps):
        if isinstance(record, list) and isinstance(step, int) and -len(record) <= step < len(record):
            record = record[step]
        elif isinstance(record, dict) and record.get(str(step)) is not None:
            record = record[str(step)]
        elif isinstance(record, dict) and isinstance(step, str):
            keys = [key for key in islice(record, MOST_KEYS) if len(key) <= MOST_LETTERS]
            near = get_close_matches(step[:MOST_LETTERS], keys, n=1, cutoff=0.5)
            return place((*steps[:i], *near)) if near else None
        else:
            return None
    return None


def find(start: Found, paths: str, trail: Trail, accepts: Callable[[Json], bool] = lambda value: True) -> Found | None:
    """The first of these paths that leads to a value other than null which `accepts` takes; None where none does."""
    for steps in steps_of(paths):
        marks: list[tuple[str, Any, str | int]] = []
        found = _follow(start, steps, trail.budget, marks)
        if found is not None and accepts(found.value):
            for where, holder, key in marks:
                if isinstance(key, str):
                    trail.add(where, holder, (key,))
                else:
                    trail.items.setdefault(where, (holder, set()))[1].add(key % len(holder))
            return found
    return None


def _follow(at: Found, steps: Steps, budget: Budget, marks: list[tuple[str, Any, str | int]]) -> Found | None:
    for taken in range(len(steps)):
        step = steps[taken]
        if isinstance(at.value, str):
            opened = open_text(at, budget)
            if opened is None:
                return None
            at = opened
        if isinstance(step, int):
            if not isinstance(at.value, list) or not -len(at.value) <= step < len(at.value):
                return None
            marks.append((at.where, at.value, step))
            at = at.at(step % len(at.value))
        elif isinstance(at.value, dict):
            for end in range(taken + 1, len(steps) + 1):
                name = ".".join(map(str, steps[taken:end]))
                if at.value.get(name) is not None:
                    kept = len(marks)
                    marks.append((at.where, at.value, name))
                    if (found := _follow(at.at(name), steps[end:], budget, marks)) is not None:
                        return found
                    del marks[kept:]
            return None
        elif isinstance(at.value, list) and (pairs := pairs_of(at.value)) is not None:
            return _follow(Found(pairs, (), Written("{}"), at.where), steps[taken:], budget, marks)
        else:
            return None
    return None if at.value is None else at


def open_text(at: Found, budget: Budget) -> Found | None:
    """The value of a JSON text at its place; None for any other text."""
    if at.value.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        return Found(parse_json(at.value, budget, []), (), Written(at.value), at.where)
    except Reject:
        return None


def pairs_of(items: list[Json]) -> dict[str, Json] | None:
    """The object that a list of OTLP's pairs stands for; None for any other list."""
    if not items or not all(isinstance(item, dict) and item.keys() == {"key", "value"} and isinstance(item["key"], str) for item in items):
        return None
    return {item["key"]: _plain(item["value"]) for item in items}


def _plain(value: Json) -> Json:
    if not isinstance(value, dict) or len(value) != 1:
        return value
    (kind, inner), *_ = value.items()
    if kind not in _TYPED:
        return value
    if kind == "arrayValue":
        return [_plain(item) for item in inner.get("values", [])] if isinstance(inner, dict) else inner
    return pairs_of(inner.get("values", [])) if kind == "kvlistValue" and isinstance(inner, dict) else inner
