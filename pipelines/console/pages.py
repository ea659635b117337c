"""The pages of docs/ that are generated from the code: `python -m pipelines.console.pages docs` writes them, and a test compares them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from pipelines.config import EPISODE_KEYS
from pipelines.console.arguments.page import commands_page
from pipelines.console.formats_page import formats_page
from pipelines.console.library_page import library_page
from pipelines.console.steps_page import steps_page
from pipelines.dialects import DIALECTS
from pipelines.dialects.hf import DIFFERENCES, UPSTREAM
from pipelines.formats.envelopes import AMBIGUOUS, ENVELOPES, NOTES
from pipelines.formats.keys import CALL_FIELDS, HARMLESS, OUTCOMES, RECORD_FIELDS, TURN_FIELDS
from pipelines.formats.meaning import FIRST_QUALIFIERS, PHRASES, QUALIFIERS, TRAINING, WORDS
from pipelines.formats.parts import FILES, KEYS, RESULT_FIELDS, TYPES
from pipelines.reasons import NOTE, REFUSE, REPAIR, Reason

SEVERITIES = {
    REFUSE: "the record goes to table `quarantine`",
    REPAIR: "the row is kept; columns `repairs` and `findings` say what was changed",
    NOTE: "the row is kept unchanged, with a note in column `findings`",
}


def reasons_page() -> str:
    """Every reason with its meaning and fix, grouped by the first part of their codes."""
    return "\n".join(_reason_lines()) + "\n"


def _reason_lines() -> Iterator[str]:
    yield "# Reasons"
    yield ""
    yield "Every reason why a record is quarantined, repaired or noted, generated from `pipelines/reasons.py`. Codes are never renamed."
    yield "`episodes reasons CODE` explains one of them. *Upstream* is the original training code of a model: what it says or does with such a record."
    yield ""
    yield "There are three severities:"
    yield ""
    yield from (f"- **{severity}**: {effect}." for severity, effect in SEVERITIES.items())
    for family, reasons in groupby(Reason, key=lambda reason: reason.code.partition(".")[0]):
        yield from ("", f"## {family}", "", "| code | stage | severity | meaning | fix |", "|---|---|---|---|---|")
        for reason in reasons:
            row = reason.value
            upstream = f" Upstream: {row.upstream}" if row.upstream else ""
            yield f"| `{row.code}` | {row.stage} | {row.severity} | {_cell(row.meaning + upstream)} | {_cell(row.fix)} |"


def dialects_page() -> str:
    """What each dialect reproduces, what it accepts, and how recipe `sound` differs."""
    lines = [
        "# Dialects",
        "",
        "A dialect turns conversations into the tokens of one model. This page is generated from `pipelines/dialects/`, which has one file per model.",
    ]
    lines += [
        "Recipe `upstream` gives exactly what the named training code gives for valid input. Recipe `sound`, the default, differs only by the",
        "rules below.",
    ]
    for model in DIALECTS.values():
        lines += ["", f"## {model.name}", "", f"- reproduces {model.upstream}", f"- images: {'yes' if model.plan else 'no'}"]
        lines += [f"- tools: {'in the format of the model' if model.has_tools else 'quarantined, unless `tool_syntax` is set'}"]
        lines += [f"- `sound`: {rule}" for rule in model.differences] or ["- `sound`: no difference"]
    lines += ["", "## hf", "", f"- reproduces {UPSTREAM}, for any model folder with a chat template ([models.md](models.md))"]
    lines += ["- images: where the model has an image processor", "- tools: where the template has a place for them; `tool_syntax` works too"]
    lines += [f"- `sound`: {rule}" for rule in DIFFERENCES]
    return "\n".join(lines) + "\n"


def keys_page() -> str:
    """Which keys of a log are read, which are harmless, and what happens to the others."""
    return "\n".join(_key_lines()) + "\n"


def _key_lines() -> Iterator[str]:
    yield "# Keys of a log"
    yield ""
    yield "Generated from `pipelines/formats/keys.py`. Every key of a record, a turn, a content part, a call or a tool definition is one of three kinds:"
    yield ""
    yield "- **read**, under any of the names below and in every format;"
    yield "- **harmless**: known to be irrelevant for training;"
    yield "- **unread**: not read, and counted by source and place in the summary, the report and the manifest (for example `gui: turn.mood`, 12,003)."
    yield ""
    yield "If the name of an unread key suggests that it matters, such as `response` or `weights`, the record is quarantined with `schema.field_unread`, unless"
    yield "the value is null, empty or a default. If the key need not be read, add it to `ignore` of its source; or set `normalize.field_unread: warn` to keep"
    yield "such records with a note. A key whose value is null counts as absent, because in Parquet every row has the columns of all other rows."
    for place, fields in (("record", RECORD_FIELDS), ("turn", TURN_FIELDS), ("call", CALL_FIELDS), ("result", RESULT_FIELDS)):
        yield from ("", f"## Read from a {place}", "", "| field | keys |", "|---|---|")
        for field, keys in fields.items():
            yield f"| {field} | {', '.join(f'`{key}`' for key in keys)} |"
        if place == "record":
            yield from ("", "Where the record itself has no tools or no system text, they are read from objects under these keys, also inside each other:")
            yield f"{', '.join(f'`{key}`' for key in sorted(ENVELOPES))}."
            notes, names = (", ".join(f"`{key}`" for key in sorted(keys)) for keys in (NOTES, AMBIGUOUS))
            yield f"In {notes}, which are often notes about a conversation, a text under {names} is no system text."
    yield ""
    yield from ("## Parts of a content", "", "| kind | types | keys of a part without a type |", "|---|---|---|")
    for kind, types in TYPES.items():
        untyped = ", ".join(f"`{key}`" for key, value in KEYS.items() if value == kind)
        yield f"| {kind} | {', '.join(f'`{name}`' for name in types)} | {untyped} |"
    yield ""
    yield f"What a part of type {', '.join(f'`{name}`' for name in sorted(FILES))} is, its media type says."
    yield ""
    yield "Where the turns are, [formats.md](formats.md) says: a list, or a list as JSON text, whose items are objects, or objects as JSON text. The id of the"
    yield f"episode is read from the first key of the source's `episode_id` that the record has; by default {', '.join(f'`{key}`' for key in EPISODE_KEYS)}."
    yield from ("", "## Outcomes", "")
    yield "How an episode went, by the usual names: these fields of a record are kept in column `extra` of `conversations`, with the note `record.failed` where their"
    yield "value is false, 0, -1 or a word such as `failed`. `keep` of the source keeps other fields, also below other keys (`info.reward`); `keep_if` filters by them."
    yield ""
    yield f"{', '.join(f'`{key}`' for key in sorted(OUTCOMES))}."
    yield from ("", "## Harmless", "", "| place | keys |", "|---|---|")
    for place, harmless in HARMLESS.items():
        yield f"| {place} | {', '.join(f'`{key}`' for key in sorted(harmless))} |"
    yield from ("", "## Names that matter", "")
    yield "A key that nothing reads refuses the record if it may change what the record teaches: by the words of its name (`editedResponse` and `response_2` have the"
    yield "word *response*), or because its value holds turns, a call or a picture. A text that the turns say too does not count."
    yield from ("", "| may be | words |", "|---|---|")
    for family, words in WORDS.items():
        yield f"| {family} | {', '.join(f'`{word}`' for word in sorted(words))} |"
    yield from ("", f"Names in several words: {', '.join(f'`{name}`' for name in PHRASES)}.")
    yield from ("", "A name that ends in one of these words is metadata, and so is a number or `true` under any of the names above:", "")
    yield ", ".join(f"`{word}`" for word in sorted(QUALIFIERS)) + "."
    yield from ("", "So is a name that begins with one of these:", "", ", ".join(f"`{word}`" for word in sorted(FIRST_QUALIFIERS)) + ".")
    yield from ("", "Names of training matter by a regular expression over the whole name, and `label` with the value true or false:", "")
    yield f"`{TRAINING.pattern}`".replace("|", " | ")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


PAGES: dict[str, Callable[[], str]] = {
    "reasons.md": reasons_page,
    "dialects.md": dialects_page,
    "keys.md": keys_page,
    "formats.md": formats_page,
    "commands.md": commands_page,
    "steps.md": steps_page,
    "library.md": library_page,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (Path(sys.argv[1]) / name).write_text(page(), encoding="utf-8")
