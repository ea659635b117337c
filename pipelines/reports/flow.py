"""Where every record went: the parts of the bar at the top of the report, which add up to the records that were read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.ledger.books import ASIDE

Row = Mapping[str, Any]
WIDTH = 1000  # of the bar
LEAST = 3  # the width of a part with few records, so that it can be seen

# The first part of a reason's code -> what such records have in common, for a reader who does not know the codes.
FAMILIES = {
    "line": "lines without a JSON object",
    "json": "JSON that cannot be read safely",
    "format": "records of another format",
    "schema": "turns or fields that cannot be read",
    "tool": "tool calls and results",
    "image": "pictures",
    "step": "steps of episodes",
    "check": "failed step checks",
    "record": "marked as bad, or with secrets",
    "file": "files that changed or are damaged",
    "internal": "errors of the pipeline itself",
}
# Each family has the same colour on every night: class q0, q1, ... of the style sheet, in this order.
COLOURS = ("image", "tool", "schema", "step", "json", "line", "format", "check", "record", "file", "internal")


@dataclass(frozen=True, slots=True)
class Part:
    """Records with one fate. `kind` is kept, quarantined, duplicates, filtered or superseded, and `colour` a class of the style sheet."""

    kind: str
    label: str
    count: int
    share: float
    x: float
    width: float
    colour: str


def flow_parts(counts: Row, causes: Sequence[Row]) -> tuple[Part, ...]:
    """The parts of the records that were read, kept ones first; quarantined ones by the family of their reason, the largest first.

    `counts` are those of the books, `causes` rows of `ledger.causes.cause_rows`. The counts of the parts add up to `counts["records"]`.
    """
    quarantined = [(f"quarantined: {FAMILIES.get(family, family)}", count, _colour(family)) for family, count in _families(causes)]
    if rest := counts["quarantined"] - sum(count for _, count, _ in quarantined):  # a manifest of an older version does not have the causes
        quarantined.append(("quarantined", rest, "refused"))
    found = [("kept", "kept", counts["kept"], "kept")]
    found += [("quarantined", label, count, colour) for label, count, colour in quarantined]
    found += [
        ("superseded", "superseded: a longer log of the same conversation is kept", counts.get("superseded", 0), "superseded"),
        ("filtered", "filtered: keep_if leaves it out", counts.get("filtered", 0), "filtered"),
        ("duplicates", "duplicate: the same record is kept elsewhere", counts["duplicates"], "duplicates"),
    ]
    parts = [part for part in found if part[2] or part[0] == "kept"]
    widths = _widths([count for _, _, count, _ in parts])
    total = max(counts["records"], 1)
    return tuple(Part(kind, label, count, count / total, sum(widths[:i]), widths[i], colour) for i, (kind, label, count, colour) in enumerate(parts))


def _colour(family: str) -> str:
    return f"q{COLOURS.index(family)}" if family in COLOURS else "refused"


def _families(causes: Sequence[Row]) -> list[tuple[str, int]]:
    families: Counter[str] = Counter()
    for row in causes:
        if row["of"] == "record" and row["reason"] not in ASIDE:
            families[row["reason"].partition(".")[0]] += row["rows"]
    return sorted(families.items(), key=lambda pair: (-pair[1], pair[0]))


def _widths(counts: Sequence[int]) -> list[float]:
    """Widths in proportion that fill the bar; a part that would be too narrow to see takes what it needs from the widest."""
    total = sum(counts)
    if not total:
        return [0.0] * len(counts)
    widths = [max(WIDTH * count / total, LEAST) if count else 0.0 for count in counts]
    widths[widths.index(max(widths))] -= sum(widths) - WIDTH
    return widths
