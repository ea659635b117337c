"""The README of an export: what is here, the command to train, and what is inexact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.training.export.inexact import WHY
from pipelines.training.export.job import Form, Job

LINKED = "Pictures are hard links where the file system has them: a picture that is changed in place changes in the export too; `--copy` makes copies."


def readme(job: Job, form: Form, summary: dict[str, Any], files: Mapping[str, str]) -> str:
    """The text of README.md. `files` are the configurations and scripts of the export, name -> text."""
    rows = ", ".join(f"{count:,} {split}" for split, count in job.rows.items())
    lines = [
        f"# Rows of dialect {job.dialect} for {job.to}",
        "",
        f"{rows}, of batches {', '.join(summary['batches'])} (run {job.run_id}) under {summary['root']}{_pictures(summary['pictures'])}. "
        "Paths are absolute: export again rather than move this folder.",
        _before_the_command(files),
        "",
        "```",
        form.command(job),
        "```",
        "",
        *(f"- {note}" for note in form.notes(job)),
        f"- {tokenizer_note(form, summary)}",
        *([f"- {LINKED}"] if summary["pictures"] and not job.pictures.copy else []),
        _exactness(form, summary, sum(job.rows.values())),
        *(f"- {code}, {_rows(count)}: {WHY[code]}" for code, count in summary["inexact"].items() if code != form.for_all),
    ]
    return "\n".join(lines) + "\n"


def standin_warning(form: Form, summary: Mapping[str, Any]) -> str | None:
    """The warning for tokenized rows of a stand-in vocabulary; None if the vocabulary is a model's own, or the trainer tokenizes by itself."""
    if form.needs_conversations or not summary["standin"]:
        return None
    return (
        f"warning: the rows are tokenized with the stand-in {summary['tokenizer']['name']}, whose ids are no model's: good only for trying out the trainer; "
        "to train, configure the model's own tokenizer and run the batch again"
    )


def tokenizer_note(form: Form, summary: Mapping[str, Any]) -> str:
    """The tokenizer by name and fingerprint, with a warning where it is a stand-in."""
    name, fingerprint = summary["tokenizer"]["name"], summary["tokenizer"]["fingerprint"]
    if name is None:
        return "Tokenizer: unknown; an older version published the rows."
    note = f"Tokenizer of table samples: {name}, fingerprint {fingerprint or 'unknown'}."
    if warning := standin_warning(form, summary):
        return f"{note} {warning[0].upper()}{warning[1:]}."
    return f"{note} It is a stand-in; here the trainer tokenizes the texts by itself." if summary["standin"] else note


def _pictures(count: int) -> str:
    return f"; {count:,} {'picture' if count == 1 else 'pictures'} in images/" if count else ""


def _rows(count: int) -> str:
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def _before_the_command(files: Mapping[str, str]) -> str:
    """What MODEL is, which a configuration or the command has."""
    configured = next((name for name, text in files.items() if name.endswith(".yaml") and ": MODEL\n" in text), None)
    if configured:
        return f"First replace MODEL in {configured} by the model's folder or its name on the hub. Then train:"
    return "Train (MODEL is a folder or a name on the hub):"


def _exactness(form: Form, summary: dict[str, Any], total: int) -> str:
    if form.for_all:
        return f"- All {total:,} rows are inexact. {WHY[form.for_all]}"
    is_named = summary["exact"] < total
    exact = f"- {summary['exact']:,} of {total:,} rows are exact: "
    if form.needs_conversations:
        exact += "in the trainer they have the ids and labels of recipe upstream."
    else:
        exact += "the ids and labels are those of table samples" + (", and the pictures fit them." if summary["pictures"] else ".")
    return exact + (" inexact.jsonl names the others:" if is_named else "")
