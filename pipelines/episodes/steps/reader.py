"""The values of a record at the paths of a layout."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipelines.episodes.steps.data_sets.layout import StepLayout
from pipelines.formats.paths import Found, Trail, find
from pipelines.reasons import Reason
from pipelines.records import Finding

Json = Any


@dataclass(slots=True)
class Reader:
    """A record, and what is noted while it is read."""

    layout: StepLayout
    top: Found
    trail: Trail
    order: str
    screens: str = ""  # where the list of screens is, in parallel lists
    faults: list[Finding] = field(default_factory=list)

    def of(self, start: Found, paths: str) -> Found | None:
        """The value at the first of these paths; `record:` begins at the record, `.` is the start itself."""
        for path in paths.split(" | ") if paths else ():
            at, own = (self.top, path.removeprefix("record:")) if path.startswith("record:") else (start, path)
            found = at if own == "." else find(at, own, self.trail)
            if found is not None:
                return found
        return None

    def text(self, start: Found, paths: str) -> str:
        found = self.of(start, paths)
        value = None if found is None else single(found.value)
        return value if isinstance(value, str) else ""

    def refuse(self, reason: Reason, where: str, detail: str) -> None:
        self.faults.append(reason.at(where, detail))


def single(value: Json) -> Json:
    """A value, or the only element of a list: TFRecord exports write every value as a list."""
    return value[0] if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], (list, dict)) else value
