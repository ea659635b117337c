"""Golden, random and demo conversations as published rows, exported to the trainer that each dialect reproduces.

    python -m tests.training.made_exports OUT [golden] [random] [demo]

writes into OUT/<name>/ the roots `root` (recipe upstream) and `sound`, an export of each, and tokenizer.json, for
`upstream_loaders.py`, which runs in an environment with torch.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from pipelines.config import Config
from pipelines.demo import BATCH, write_demo
from pipelines.flow import DraftWithImages, open_flow
from pipelines.images.media import keep_picture
from pipelines.ledger.reader_settings import reader_settings
from pipelines.local import list_files, run_listed
from pipelines.records import Outcome, Quarantined
from pipelines.storage.stores import ENVIRONMENT
from pipelines.tables.schema import COLUMNS, row_of
from pipelines.tokenizers import _bundled_file, tokenizer_file
from pipelines.training.export import export
from pipelines.training.tables import open_root
from tests.conftest import demo_config
from tests.golden import DIALECTS, TOKENIZERS, Case, cases_of, config_for, open_case, outcomes
from tests.making import MODELS, configuration
from tests.training.publishing import publish, schema_of
from tests.training.random_records import record

TRAINERS = {
    "minicpm_v_2_6": "minicpm_v",
    "minicpm_v_2_5": "minicpm_v",
    "minicpm_v_2": "minicpm_v",
    "agentcpm_gui": "agentcpm",
    "glm_4": "glm4",
    "glm_4v": "glm4v",
}
RECIPES = {"root": "upstream", "sound": "sound"}
Row = dict[str, Any]
# What random records are tokenized with: dialect, whether they have tools, pictures at most, options.
VARIANTS: dict[str, tuple[str, bool, int, Row]] = {
    "agentcpm_gui": ("agentcpm_gui", False, 3, {}),
    "agentcpm_gui-hermes": ("agentcpm_gui", True, 2, {"tool_syntax": "hermes"}),
    "agentcpm_gui-json": ("agentcpm_gui", True, 2, {"tool_syntax": "json"}),
    "agentcpm_gui-last_turn": ("agentcpm_gui", False, 2, {"loss": "last_turn"}),
    "agentcpm_gui-drop_turns": ("agentcpm_gui", False, 3, {"max_tokens": 400, "on_overflow": "drop_turns"}),
    "agentcpm_gui-windows": ("agentcpm_gui", False, 3, {"max_tokens": 400, "on_overflow": "windows"}),
    "agentcpm_gui-hermes-windows": ("agentcpm_gui", True, 2, {"tool_syntax": "hermes", "max_tokens": 400, "on_overflow": "windows"}),
    "glm_4-windows": ("glm_4", True, 0, {"max_tokens": 400, "on_overflow": "windows"}),
    "agentcpm_gui-fewer_slices": ("agentcpm_gui", False, 3, {"max_tokens": 300, "on_overflow": "fewer_slices"}),
    "minicpm_v_2_6": ("minicpm_v_2_6", False, 3, {}),
    "minicpm_v_2_5": ("minicpm_v_2_5", False, 3, {}),
    "minicpm_v_2": ("minicpm_v_2", False, 3, {}),
    "glm_4": ("glm_4", True, 0, {}),
    "glm_4-plain": ("glm_4", False, 0, {}),
    "glm_4-last_turn": ("glm_4", True, 0, {"loss": "last_turn"}),
    "glm_4v": ("glm_4v", False, 1, {}),
    "glm_4v-hermes": ("glm_4v", True, 1, {"tool_syntax": "hermes"}),
}
SEEDS = range(120)


def golden(out: Path) -> None:
    """The golden cases, by options, since one root has one configuration."""
    for dialect in DIALECTS:
        groups: dict[str, list[Case]] = {}
        for case in cases_of(dialect):
            groups.setdefault("-".join(f"{key}{value}" for key, value in case["options"].items() if key != "max_tokens"), []).append(case)
        for options, cases in groups.items():
            folder = out / f"{dialect}-{options}".rstrip("-")
            for name, recipe in RECIPES.items():
                _publish_whole(folder / name, ((_outcomes_of(case, config), config) for case in cases if (config := config_for(case, recipe))))
            _export(TRAINERS[dialect], folder, TOKENIZERS[cases[0]["tokenizer"]])


def _outcomes_of(case: Case, config: Config) -> list[Outcome]:
    return outcomes(case["record"], {name: (spec["width"], spec["height"]) for name, spec in case["images"].items()}, open_case(config))


def random(out: Path) -> None:
    for name, (dialect, has_tools, pictures, options) in VARIANTS.items():
        for root, recipe in RECIPES.items():
            config = configuration(dialect, options=options | {"recipe": recipe})
            _publish_whole(out / name / root, ((_random_outcomes(seed, config, has_tools, pictures), config) for seed in SEEDS))
        _export(TRAINERS[dialect], out / name, TOKENIZERS[MODELS[dialect]])


def _random_outcomes(seed: int, config: Config, has_tools: bool, pictures: int) -> list[Outcome]:
    made = record(seed, has_tools, pictures)
    sizes = {name: tuple(map(int, name.removesuffix(".png").split("x"))) for name in made.get("images", [])}
    return outcomes(made, sizes, open_case(config))


def _publish_whole(root: Path, found: Iterable[tuple[list[Outcome], Config]]) -> None:
    """Publishes the records that became rows as a whole; each of their pictures is a real file of the right size."""
    rows, config = [], None
    for made, config in found:
        if not any(isinstance(outcome, Quarantined) for outcome in made):
            rows += [_with_pictures(row, root.parent / "pictures") for row in _rows(made, config)]
    _publish(root, rows, config, {"kit": str(root.parent / "pictures")})


def _rows(found: Iterable[Outcome], config: Config) -> Iterator[tuple[str, Row]]:
    for outcome in found:
        table, row = row_of(outcome, "b1", "b1-1", config.split)
        if table == "samples":
            row |= {"attention_mask": [1] * len(row["input_ids"]), "position_ids": list(range(len(row["input_ids"])))}
        yield table, row


def _with_pictures(table_and_row: tuple[str, Row], folder: Path) -> tuple[str, Row]:
    table, row = table_and_row
    paths = [_picture_file(image, folder) for image in row["images"]]
    row["images"] = [image | {"uri": f"kit/{path.name}", "sha256": path.stem} for image, path in zip(row["images"], paths, strict=True)]
    return table, row


def _picture_file(image: Row, folder: Path) -> Path:
    """A picture of this size, named by its sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{image['width']}x{image['height']}.png"
    Image.linear_gradient("L").resize((image["width"], image["height"])).convert("RGB").save(temporary, compress_level=1)
    return temporary.rename(folder / f"{hashlib.sha256(temporary.read_bytes()).hexdigest()}.png")


def _publish(root: Path, rows: list[tuple[str, Row]], config: Config, image_roots: Row) -> None:
    tables: dict[str, list[Row]] = {"conversations": [], "samples": []}
    for table, row in rows:
        tables[table].append(row)
    settings = json.loads(reader_settings(open_case(config)))
    publish(root, tables, settings | {"image_roots": image_roots}, schemas={name: schema_of(COLUMNS[name]) for name in tables})


def demo(out: Path) -> None:
    """The demo's own records, with its pictures, for each dialect."""
    folder = out / "demo-input"
    write_demo(folder)
    for dialect in ("minicpm_v_2_6", "agentcpm_gui", "glm_4v", "glm_4"):
        for name, recipe in RECIPES.items():
            root = out / f"demo-{dialect}" / name
            config = demo_config(folder, root)
            config = config.model_copy(update={"dialects": [one.model_copy(update={"recipe": recipe}) for one in config.dialects if one.name == dialect]})
            kinds = ("tools",) if dialect == "glm_4" else ("gui",)
            files = list_files(config, [str(path) for kind in kinds for path in sorted((folder / kind / BATCH).iterdir())], BATCH).files
            found = list(run_listed(open_flow(config), files, lambda ready, root=root: _keep_media(ready, root)))
            kept = [outcome for outcome in found if not isinstance(outcome, Quarantined)]
            _publish(root, list(_rows(kept, config)), config, {"gui": str(folder / "screens")})
        _export(TRAINERS[dialect], out / f"demo-{dialect}", TOKENIZERS[MODELS[dialect]])


def _keep_media(ready: Any, root: Path) -> None:
    for ref in ready.draft.refs if isinstance(ready, DraftWithImages) else ():
        image = ready.seen[ref.key].image
        if image is not None and image.uri.startswith("data:"):
            keep_picture(image._asdict() | {"verdict": "good"}, ref.ref, str(root), ENVIRONMENT)


def _export(to: str, folder: Path, tokenizer: str) -> None:
    """Exports both roots, with what the comparison needs beside them: the summary, and the sample_id of each row."""
    for name, recipe in RECIPES.items():
        summary = export(to, folder / name, folder / f"export-{recipe}", replace=True)
        published = open_root(folder / name)
        ids = {split: [row["sample_id"] for row in published.rows("samples", split=split)] for split in summary["rows"]}
        (folder / f"export-{recipe}.ids.json").write_text(json.dumps(ids))
        (folder / f"export-{recipe}.summary.json").write_text(json.dumps(summary))
        print(folder.name, recipe, json.dumps({key: summary[key] for key in ("rows", "exact", "inexact")}), flush=True)
    shutil.copyfile(tokenizer_file(tokenizer) or _bundled_file(tokenizer), folder / "tokenizer.json")


if __name__ == "__main__":
    for made in sys.argv[2:] or ("golden", "random", "demo"):
        {"golden": golden, "random": random, "demo": demo}[made](Path(sys.argv[1]) / made)
