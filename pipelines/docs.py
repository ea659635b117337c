"""The pages under docs/ that follow from the code: `python -m pipelines.docs docs` writes them, and a test keeps them fresh."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from pipelines.dialects import DIALECTS
from pipelines.reasons import NOTE, REFUSE, REPAIR, Reason

SEVERITIES = {
    REFUSE: "the row goes to `quarantine`",
    REPAIR: "the row is kept, and what was changed stands in `repairs` and `findings`",
    NOTE: "the row is kept as it is, and the note stands in `findings`",
}


def reasons_page() -> str:
    """Every reason with its meaning and fix, by the part of the code before its dot."""
    return "\n".join(_reason_lines()) + "\n"


def _reason_lines() -> Iterator[str]:
    yield "# Reasons"
    yield ""
    yield "Why a row is kept aside, repaired or noted: the closed list, written from `pipelines/reasons.py`. Codes are never renamed."
    yield "`episodes reasons CODE` prints one of them. Severity:"
    yield ""
    yield from (f"- **{severity}**: {effect}." for severity, effect in SEVERITIES.items())
    for family, reasons in groupby(Reason, key=lambda reason: reason.code.partition(".")[0]):
        yield from ("", f"## {family}", "", "| code | stage | severity | meaning | fix |", "|---|---|---|---|---|")
        for reason in reasons:
            row = reason.value
            upstream = f" Upstream: {row.upstream}" if row.upstream else ""
            yield f"| `{row.code}` | {row.stage} | {row.severity} | {_cell(row.meaning + upstream)} | {_cell(row.fix)} |"


def dialects_page() -> str:
    """What each dialect reproduces, what it takes, and where recipe `sound` differs."""
    lines = ["# Dialects", "", "Written from `pipelines/dialects/`: one file per model. Recipe `upstream` gives what the named training code gives on sound"]
    lines += ["input; `sound`, the default, differs by the rules below and by nothing else."]
    for model in DIALECTS.values():
        lines += ["", f"## {model.name}", "", f"- reproduces {model.upstream}", f"- images: {'yes' if model.plan else 'no'}"]
        lines += [f"- tools: {'in its own format' if model.has_tools else 'refused, unless `tool_syntax` is set'}"]
        lines += [f"- `sound`: {rule}" for rule in model.differences] or ["- `sound` differs in nothing"]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


PAGES: dict[str, Callable[[], str]] = {"reasons.md": reasons_page, "dialects.md": dialects_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (Path(sys.argv[1]) / name).write_text(page(), encoding="utf-8")
