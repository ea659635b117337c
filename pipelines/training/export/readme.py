"""The README of an export: what is here, the command to train, and what is inexact."""

from __future__ import annotations

from typing import Any

from pipelines.training.export.inexact import WHY
from pipelines.training.export.job import Form, Job


def readme(job: Job, form: Form, summary: dict[str, Any]) -> str:
    rows = ", ".join(f"{count:,} {split}" for split, count in job.rows.items())
    total = sum(job.rows.values())
    lines = [
        f"# Rows of dialect {job.dialect} for {job.to}",
        "",
        f"{rows}, of batches {', '.join(summary['batches'])} (run {job.run_id}) under {summary['root']}; {summary['pictures']:,} pictures in images/. "
        "Paths are absolute: export again rather than move this folder.",
        "Train (MODEL is a folder or a name on the hub):",
        "",
        "```",
        form.command(job),
        "```",
        "",
        *(f"- {note}" for note in form.notes(job)),
        _exactness(form, summary, total),
        *(f"- {code}, {count:,} {'row' if count == 1 else 'rows'}: {WHY[code]}" for code, count in summary["inexact"].items() if code != form.for_all),
    ]
    return "\n".join(lines) + "\n"


def _exactness(form: Form, summary: dict[str, Any], total: int) -> str:
    if form.for_all:
        return f"- All {total:,} rows are inexact. {WHY[form.for_all]}"
    if not form.needs_conversations:
        return f"- {summary['exact']:,} of {total:,} rows are exact: the ids and labels are those of table samples, and the pictures fit them; inexact.jsonl names the others."
    return (
        f"- {summary['exact']:,} of {total:,} rows are exact: the trainer makes the ids and labels of recipe upstream of them. inexact.jsonl names the others:"
    )
