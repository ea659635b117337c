"""The golden conversations as published rows, exported to the trainer that each dialect reproduces.

    python -m tests.training.golden_exports OUT

writes into OUT/<dialect>-<options>/ the roots `root` (recipe upstream) and `sound`, an export of each, and tokenizer.json, for
`upstream_loaders.py`, which runs in an environment with torch.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from pipelines.ledger.reader_settings import reader_settings
from pipelines.records import Outcome, Quarantined
from pipelines.tables.schema import COLUMNS, row_of
from pipelines.tokenizers import _bundled_file, tokenizer_file
from pipelines.training.export import export
from pipelines.training.tables import open_root
from tests.golden import DIALECTS, TOKENIZERS, Case, cases_of, config_for, open_case, outcomes
from tests.training.publishing import publish, schema_of

TRAINERS = {"minicpm_v_2_6": "minicpm_v", "minicpm_v_2_5": "minicpm_v", "minicpm_v_2": "minicpm_v", "agentcpm_gui": "agentcpm", "glm_4": "glm4", "glm_4v": "glm4v"}
Row = dict[str, Any]


def groups(dialect: str) -> dict[str, list[Case]]:
    """The cases by options, since one root has one configuration."""
    found: dict[str, list[Case]] = {}
    for case in cases_of(dialect):
        found.setdefault("-".join(f"{key}{value}" for key, value in case["options"].items() if key != "max_tokens"), []).append(case)
    return found


def rows_of(cases: list[Case], pictures: Path, recipe: str) -> Iterator[tuple[str, Row]]:
    """(table, row) of every case that becomes a row under this recipe."""
    for case in cases:
        config = config_for(case, recipe)
        sizes = {name: (spec["width"], spec["height"]) for name, spec in case["images"].items()}
        found = outcomes(case["record"], sizes, open_case(config))
        if not any(isinstance(outcome, Quarantined) for outcome in found):
            yield from (row_with_picture(outcome, config, pictures) for outcome in found)


def row_with_picture(outcome: Outcome, config: Any, pictures: Path) -> tuple[str, Row]:
    """The row of an outcome in split train; each of its pictures is a real file of the right size."""
    table, row = row_of(outcome, "b1", "b1-1", config.split)
    row["images"] = [image | {"uri": f"kit/{path.name}", "sha256": path.stem} for image in row["images"] if (path := picture_file(image, pictures))]
    if table == "samples":
        row |= {"attention_mask": [1] * len(row["input_ids"]), "position_ids": list(range(len(row["input_ids"])))}
    return table, row | {"split": "train"}


def picture_file(image: Row, folder: Path) -> Path:
    """A picture of this size, named by its sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{image['width']}x{image['height']}.png"
    Image.linear_gradient("L").resize((image["width"], image["height"])).convert("RGB").save(temporary, compress_level=1)
    return temporary.rename(folder / f"{hashlib.sha256(temporary.read_bytes()).hexdigest()}.png")


def publish_cases(cases: list[Case], root: Path, recipe: str) -> Path:
    tables: dict[str, list[Row]] = {"conversations": [], "samples": []}
    for table, row in rows_of(cases, root.parent / "pictures", recipe):
        tables[table].append(row)
    settings = json.loads(reader_settings(open_case(config_for(cases[0], recipe))))
    settings["image_roots"] = {"kit": str(root.parent / "pictures")}
    return publish(root, tables, settings, schemas={name: schema_of(COLUMNS[name]) for name in tables})


def export_all(to: str, roots: dict[str, Path], folder: Path, dialect: str | None = None) -> None:
    """Exports each root, with what the comparison needs beside it: the summary, and the sample_id of each row."""
    for name, root in roots.items():
        summary = export(to, root, folder / name, dialect=dialect, replace=True)
        published = open_root(root)
        ids = {split: [row["sample_id"] for row in published.rows("samples", dialect=summary["dialect"], split=split)] for split in summary["rows"]}
        (folder / f"{name}.ids.json").write_text(json.dumps(ids))
        (folder / f"{name}.summary.json").write_text(json.dumps(summary))
        print(json.dumps(summary))


def copy_tokenizer(name: str, folder: Path) -> None:
    shutil.copyfile(tokenizer_file(name) or _bundled_file(name), folder / "tokenizer.json")


def main(out: Path) -> None:
    for dialect in DIALECTS:
        for options, cases in groups(dialect).items():
            folder = out / f"{dialect}-{options}".rstrip("-")
            roots = {f"export-{recipe}": publish_cases(cases, folder / name, recipe) for name, recipe in (("root", "upstream"), ("sound", "sound"))}
            copy_tokenizer(TOKENIZERS[cases[0]["tokenizer"]], folder)
            export_all(TRAINERS[dialect], roots, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
