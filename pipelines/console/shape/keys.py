"""The keys of records with counts: every place in a sample of records, by a path such as `messages[].role`, and what stands there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.visible import one_line

MOST_PATHS = 300
MOST_DEEP = 6
MOST_VALUES = 6  # texts of one path that are shown
SHORT = 24  # characters of a text that may be one of few
KINDS: Mapping[type, str] = {dict: "object", list: "list", str: "text", bool: "boolean", int: "number", float: "number", type(None): "null"}


@dataclass(slots=True)
class Place:
    """What stands at one path: how often, in how many records, of which kinds. `texts` are short texts with their counts; None if there are too many."""

    count: int = 0
    records: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    texts: Counter[str] | None = field(default_factory=Counter)
    characters: int = 0
    last: int = -1

    def add(self, value: Any, kind: str, record: int) -> None:
        self.count += 1
        self.records += self.last != record
        self.last = record
        self.kinds[kind] += 1
        if not isinstance(value, str):
            return
        self.characters += len(value)
        if self.texts is not None:
            self.texts[value[: SHORT + 1]] += 1
            if len(self.texts) > MOST_VALUES or len(value) > SHORT:
                self.texts = None

    @property
    def is_text(self) -> bool:
        others = sum(count for kind, count in self.kinds.items() if kind not in ("text", "null"))
        return self.kinds["text"] > 0 and 3 * others <= self.kinds["text"]

    @property
    def mean_length(self) -> float:
        return self.characters / max(1, self.kinds["text"])


def places_in(records: Iterable[Mapping[str, Any]]) -> dict[str, Place]:
    """Path -> what stands there, in the order in which the paths were found. Deep places and those after the first 300 are not listed."""
    found: dict[str, Place] = {}
    for i, record in enumerate(records):
        for path, value, kind in _walk(record, "", 0):
            if path in found or len(found) < MOST_PATHS:
                found.setdefault(path, Place()).add(value, kind, i)
    return found


def _walk(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any, str]]:
    inner = opened(value)
    if path:
        kind = KINDS.get(type(inner), "text")
        yield path, value, f"JSON text of {'an object' if isinstance(inner, dict) else 'a list'}" if inner is not value else kind
    if depth >= MOST_DEEP:
        return
    if isinstance(inner, dict):
        for key, item in inner.items():
            yield from _walk(item, f"{path}.{one_line(key, 64)}".lstrip("."), depth + 1)
    elif isinstance(inner, list):
        for item in inner:
            yield from _walk(item, f"{path}[]", depth + 1)


def opened(value: Any) -> Any:
    """The object or list that a text is the JSON of; any other value as it is."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        inner = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return inner if isinstance(inner, (dict, list)) else value


def lines_of(places: Mapping[str, Place]) -> Iterator[str]:
    """A line for each path: how often it is there, and what."""
    width = min(60, max((len(path) for path in places), default=0))
    for path, place in places.items():
        kinds = ", ".join(kind if len(place.kinds) == 1 else f"{kind} {count:,}" for kind, count in place.kinds.most_common())
        values = ""
        if place.texts and place.is_text and place.count > len(place.texts):
            values = ": " + ", ".join(f"{one_line(text, SHORT)} {count:,}" for text, count in place.texts.most_common())
        yield f"  {path:{width}}  {place.count:>7,}  {kinds}{values}"
