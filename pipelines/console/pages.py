"""The pages under docs/ that follow from the code: `python -m pipelines.console.pages docs` writes them, and a test keeps them fresh."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from pipelines.config import EPISODE_KEYS
from pipelines.dialects import DIALECTS
from pipelines.formats.keys import HARMLESS, MEANING, RECORD_FIELDS, TURN_FIELDS
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


def keys_page() -> str:
    """Which keys of a log are read, which are harmless, and what becomes of the others."""
    return "\n".join(_key_lines()) + "\n"


def _key_lines() -> Iterator[str]:
    yield "# Keys of a log"
    yield ""
    yield "Written from `pipelines/formats/keys.py`. Every key of a record, a turn, a content part, a call or a tool definition is one of three things:"
    yield ""
    yield "- **read**, under any of the names below, in every format;"
    yield "- **harmless**: known to say nothing about what the record teaches;"
    yield "- **unread**: counted by source and place in the summary, the report and the manifest (`turn.mood, 12,003 times`)."
    yield ""
    yield "An unread key whose name says that it carries meaning refuses the record with `schema.field_unread`, unless its value is null, empty or a"
    yield "default. Name the key in the source's `ignore` if it is meant to be unread, or set `normalize.field_unread: warn` to keep such records with a note."
    yield "A key that holds null is treated as absent: Parquet gives every row the columns of all the others."
    for place, fields in (("record", RECORD_FIELDS), ("turn", TURN_FIELDS)):
        yield from ("", f"## Read from a {place}", "", "| field | keys |", "|---|---|")
        for field, keys in fields.items():
            yield f"| {field} | {', '.join(f'`{key}`' for key in keys)} |"
    yield ""
    yield "Turns stand under `conversations` or `messages`, as a list or as its JSON text; each turn is an object or its JSON text. The id of an episode stands under"
    yield f"the keys that the source's `episode_id` names; by default {', '.join(f'`{key}`' for key in EPISODE_KEYS)}."
    yield from ("", "## Harmless", "", "| place | keys |", "|---|---|")
    for place, harmless in HARMLESS.items():
        yield f"| {place} | {', '.join(f'`{key}`' for key in sorted(harmless))} |"
    yield from ("", "## Names that carry meaning", "", f"`{MEANING.pattern}`, and `label` where it is true or false.".replace("|", " | "))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


PAGES: dict[str, Callable[[], str]] = {"reasons.md": reasons_page, "dialects.md": dialects_page, "keys.md": keys_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (Path(sys.argv[1]) / name).write_text(page(), encoding="utf-8")
