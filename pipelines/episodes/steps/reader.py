"""The values of a record at the paths of a layout."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from pipelines.episodes.steps.actions.fields import single
from pipelines.episodes.steps.data_sets.layout import StepLayout
from pipelines.episodes.steps.sizes import LoggedSize, sizes_in
from pipelines.formats.paths import Found, Trail, find
from pipelines.parsing.written import Written
from pipelines.reasons import Reason
from pipelines.records import Finding

Json = Any
MOST_SIZES = 64  # of an object, that are compared
_WHOLE = re.compile(r"\s*(-?\d+)\.0+\s*")


@dataclass(slots=True)
class Reader:
    """A record, and what is noted while it is read."""

    layout: StepLayout
    top: Found
    trail: Trail
    order: str
    faults: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    # Where the values of a step are whose fields are put together: place of the step -> field -> place of its value.
    places: dict[str, Mapping[str, str]] = field(default_factory=dict)
    holders: dict[str, list[tuple[str, Mapping[str, Json]]]] = field(default_factory=dict)  # place of a step -> what may have the size of its screen
    ignored: frozenset[str] = frozenset()
    of_record: list[LoggedSize] | None = None  # the sizes of the record, once they are read
    size_faults: list[Finding] = field(default_factory=list)  # which matter where the points are in px

    def of(self, start: Found, paths: str) -> Found | None:
        """The value at the first of these paths; `record:` begins at the record, `.` is the start itself."""
        for path in paths.split(" | ") if paths else ():
            at, own = (self.top, path.removeprefix("record:")) if path.startswith("record:") else (start, path)
            if at is not self.top and own in self.places.get(at.where, ()):
                found = Found(at.value[own], (), Written("{}"), self.place(at, own)) if at.value.get(own) is not None else None
            else:
                found = at if own == "." else find(at, own, self.trail)
            if found is not None:
                return found
        return None

    def place(self, at: Found, key: str) -> str:
        """The place of a field of a step."""
        return self.places.get(at.where, {}).get(key) or f"{at.where}.{key}".lstrip(".")

    def text(self, start: Found, paths: str) -> str:
        found = self.of(start, paths)
        value = None if found is None else single(found.value)
        return value if isinstance(value, str) else ""

    def sizes(self, where: str, holder: Mapping[str, Json]) -> list[LoggedSize]:
        """The sizes of screens that an object has. Those of an object whose keys are accounted for are read."""
        is_accounted = where in self.trail.read and self.trail.read[where][0] is holder
        found = islice(sizes_in(where, holder, self.trail if is_accounted else Trail(self.trail.budget), self.ignored), MOST_SIZES)
        own = {f"{where}.{key}": place for key, place in self.places.get(where, {}).items()}
        return [one._replace(where=own.get(one.where, one.where)) for one in found]

    def record_sizes(self) -> list[LoggedSize]:
        if self.of_record is None:
            self.of_record = self.sizes("", self.top.value)
        return self.of_record

    def refuse(self, reason: Reason, where: str, detail: str) -> None:
        self.faults.append(reason.at(where, detail))


def without_point(value: Json) -> Json:
    """A whole number without its `.0`, which pandas writes where a column has gaps; any other value as it is.

    >>> [without_point(value) for value in (1.0, "1.0", 1.5, "1.5", " 1 ")]
    [1, '1', 1.5, '1.5', ' 1 ']
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    whole = _WHOLE.fullmatch(value) if isinstance(value, str) else None
    return whole[1] if whole else value
