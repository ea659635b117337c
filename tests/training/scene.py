"""A published root with pictures, rows of golden cases and the settings that a run notes."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.training.publishing import publish
from tests.training.rows import golden_rows

Row = dict[str, Any]
OPTIONS: dict[str, Row] = {
    "minicpm_v_2_6": {"max_slices": 9, "scale_resolution": 448, "patch_size": 14, "query_tokens": 64},
    "agentcpm_gui": {"max_slices": 9, "scale_resolution": 448, "patch_size": 14, "query_tokens": 64, "max_side": 1120},
}


def tokenizer_note(**more: Any) -> Row:
    """What a run notes of a tokenizer."""
    return {
        "name": "bundled",
        "fingerprint": "f1",
        "file": None,
        "sha256": None,
        "standin": False,
        "chat_template": None,
        "specials": {"<|im_start|>": 5, "<|im_end|>": 6},
        "probes": [["ab", [1, 2]], ["b", [2]]],
    } | more


def dialect_note(model: str, **more: Any) -> Row:
    return {"model": model, "recipe": "sound", "loss": "all", "tool_syntax": None, "options": OPTIONS.get(model, {}), "tokenizer": tokenizer_note()} | more


def noise(width: int, height: int) -> bytes:
    """A PNG of this size."""
    values = np.random.default_rng(width * height).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(values).resize((width, height)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def with_pictures(row: Row, folder: Path) -> Row:
    """The row with pictures of the sizes that its images state, written to this folder."""
    for number, image in enumerate(row["images"]):
        data = noise(image["width"], image["height"])
        name = f"{row['sample_id']}-{number}.png"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        image |= {"uri": f"kit/{name}", "sha256": hashlib.sha256(data).hexdigest(), "format": "PNG"}
    return row


def golden_root(root: Path, model: str, split: str = "train", limit: int = 12, recipe: str = "sound") -> Path:
    """A root with some golden rows of this model, of small pictures, all in one split."""
    rows = [
        with_pictures(row, root / "shots")
        for _, row, case in golden_rows(model, recipe)
        if sum(image["width"] * image["height"] for image in row["images"]) < 700_000 and case["options"].get("max_side") in (None, 1120)
    ][:limit]
    kept = [{name: value for name, value in row.items() if name != "findings"} | {"dialect": model, "split": split} for row in rows]
    settings = {"dialects": {model: dialect_note(model, recipe=recipe)}, "image_roots": {"kit": str(root / "shots")}}
    return publish(root, {"samples": kept}, settings)
