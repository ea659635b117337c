"""`export`: the rows of one dialect in the form of one trainer, with pictures, a configuration and a README, in a folder that appears whole."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.training.export.columns import has_pictures
from pipelines.training.export.folder import whole_folder
from pipelines.training.export.forms import FORMS
from pipelines.training.export.inexact import sorted_codes, why
from pipelines.training.export.job import Form, Job
from pipelines.training.export.pictures import PictureFolder
from pipelines.training.export.readme import readme
from pipelines.training.export.rows import ExportError, Row, rows_of, trained_tokens
from pipelines.training.how_tokenized import Settings, settings_by_batch
from pipelines.training.pictures import ImageRoot
from pipelines.training.tables import SPLITS, Published, open_root

Summary = dict[str, Any]


def export(
    to: str,
    root: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    dialect: str | None = None,
    split: str | None = None,
    batch: str | None = None,
    copy: bool = False,
    replace: bool = False,
    image_root: ImageRoot | None = None,
) -> Summary:
    """Writes the export to `out`, whole or not at all, and returns what it wrote: rows by split, how many are exact, and the others by code.

    Raises ExportError, NotPublished, PictureMissing, PictureChanged.
    """
    form = FORMS[to]
    published = open_root(root)
    dialect, model, settings = _dialect(published, to, form, dialect, batch, split)
    run_id = published.runs[-1]["run_id"] if batch is None else published.run_of(batch)["run_id"]
    final = Path(out).resolve()  # where a link leads, so that --replace keeps the link
    with whole_folder(final, replace, _folders(published)) as staging:
        pictures = PictureFolder(published, staging / "images", final / "images", copy, image_root)
        job = Job(to, dialect, run_id, model, settings, _tokenizer(published, dialect, batch), final, staging, pictures)
        found = _write(job, form, published, batch, SPLITS if split is None else (split,))
        _check(job, form, published, batch)
        summary = _summary(job, form, published, batch, found)
        files = form.configure(job)
        for name, text in (files | {"README.md": readme(job, form, summary, files)}).items():
            (staging / name).write_text(text, encoding="utf-8")
    return summary


def _folders(published: Published) -> list[Path]:
    """The folders that the export is made from: the root, and the folders of the pictures."""
    roots = [folder for folders in published.image_roots.values() for folder in ([folders] if isinstance(folders, str) else folders)]
    return [Path(folder) for folder in (published.root, *roots) if "://" not in folder]


def _dialect(published: Published, to: str, form: Form, wanted: str | None, batch: str | None, split: str | None) -> tuple[str, str, dict[str, Any]]:
    """(name, model, settings) of the dialect to export. Raises ExportError where there is none, or more than one and none was named."""
    settings = published.settings(batch).get("dialects", {})
    names = sorted({file.partition["dialect"] for file in published.files("samples", batch=batch)})
    models = {name: settings.get(name, {}).get("model", name) for name in names}
    fitting = [name for name in names if form.models is None or models[name] in form.models]
    if wanted is not None and wanted not in names:
        raise ExportError(f"no rows of dialect {wanted} are published under {published.root}; there are {', '.join(names) or 'none of any'}")
    if wanted is not None and wanted not in fitting:
        raise ExportError(f"--to {to} takes rows of {', '.join(form.models or ())}; dialect {wanted} is of {models[wanted]}")
    if wanted is None and not form.takes_pictures:
        fitting = [
            name for name in fitting if not has_pictures(published.record_batches("samples", dialect=name, split=split, batch=batch, columns=["images"]))
        ]
    if wanted is None and len(fitting) != 1:
        raise ExportError(
            f"--to {to} needs --dialect, one of: {', '.join(fitting)}"
            if fitting
            else f"--to {to} takes none of the dialects that are published: {', '.join(names)}"
        )
    name = wanted or fitting[0]
    return name, models[name], settings.get(name, {})


def _tokenizer(published: Published, dialect: str, batch: str | None) -> Settings:
    """What the runs note of the tokenizer of these rows: a stand-in if that of any batch is one, else the newest batch's; {} where nothing is noted."""
    noted = [way["tokenizer"] for way in settings_by_batch(published, dialect, batch).values() if way.get("tokenizer")]
    return next((one for one in noted if one.get("standin")), noted[-1] if noted else {})


def _write(job: Job, form: Form, published: Published, batch: str | None, splits: Sequence[str]) -> Counter[str]:
    """Writes the rows of all splits and `inexact.jsonl`; returns how many rows have each code, and under "" how many have none."""
    found: Counter[str] = Counter()
    with open(job.staging / "inexact.jsonl", "w", encoding="utf-8", newline="\n") as file:
        for split in splits:
            job.rows[split] = 0
            if not published.files("samples", dialect=job.dialect, split=split, batch=batch):
                continue
            for row, codes in form.write(job, split, rows_of(published, job.dialect, split, batch, form.needs_conversations)):
                _note(job, row)
                codes = sorted_codes(codes)
                found.update(codes or [""])
                if codes and codes != [form.for_all]:
                    named = {"split": split, "index": row.index, "sample_id": row.sample_id, "why": codes, "what": why(codes)}
                    file.write(json.dumps(named, ensure_ascii=False) + "\n")
    return found


def _note(job: Job, row: Row) -> None:
    job.rows[row.split] += 1
    job.longest = max(job.longest, len(row.sample["input_ids"]))
    job.longest_answer = max(job.longest_answer, trained_tokens(row.sample["labels"]))


def _check(job: Job, form: Form, published: Published, batch: str | None) -> None:
    """Checks that the files of every split have as many rows as the tables. Raises ExportError."""
    for split, written in job.rows.items():
        wanted = sum(part.num_rows for part in published.record_batches("samples", dialect=job.dialect, split=split, batch=batch, columns=["sample_id"]))
        held = form.count(job.staging, split) if written else 0
        if not wanted == written == held:
            raise ExportError(f"split {split}: {wanted} rows are published, {written} were written and the file has {held}; nothing was exported")
    if not any(job.rows.values()):
        raise ExportError(f"no rows of dialect {job.dialect} in {', '.join(job.rows)}; nothing was exported")


def _summary(job: Job, form: Form, published: Published, batch: str | None, found: Counter[str]) -> Summary:
    return {
        "to": job.to,
        "root": published.root,
        "out": str(job.out),
        "batches": list(published.batches) if batch is None else [batch],
        "run_id": job.run_id,
        "dialect": job.dialect,
        "model": job.model,
        "recipe": job.settings.get("recipe"),
        "tokenizer": {name: job.tokenizer.get(name) for name in ("name", "fingerprint")},
        "standin": bool(job.tokenizer.get("standin")),
        "rows": job.rows,
        "exact": found[""],
        "inexact": {code: count for code, count in sorted(found.items()) if code},
        "pictures": len(job.pictures.names),
    }
