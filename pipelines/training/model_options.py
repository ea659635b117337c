"""The options of a model's own files, compared with those that rows were tokenized with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.training.how_tokenized import Settings
from pipelines.training.model_tokenizer import Faults

Json = dict[str, Any]
# (file, section, key, option of ours). Source: config.json and preprocessor_config.json of openbmb/MiniCPM-V-2, -Llama3-V-2_5 and -V-2_6:
# 2.0 has the slice options at the top, the later ones under slice_config, which omits a key at its default.
_KEYS = [
    *[
        ("config.json", section, key, option)
        for section in ("slice_config", None)
        for key, option in (("max_slice_nums", "max_slices"), ("scale_resolution", "scale_resolution"), ("patch_size", "patch_size"))
    ],
    ("config.json", None, "query_num", "query_tokens"),
    ("preprocessor_config.json", None, "max_slice_nums", "max_slices"),
    ("preprocessor_config.json", None, "scale_resolution", "scale_resolution"),
    ("preprocessor_config.json", None, "patch_size", "patch_size"),
    ("preprocessor_config.json", None, "image_feature_size", "query_tokens"),
]


def option_faults(settings: Settings, folder: Path) -> Faults:
    """The size of the vocabulary, MiniCPM's slice options and GLM-4V's image size, each where the model's files state it."""
    files = {name: _read(folder / name) for name in ("config.json", "preprocessor_config.json")}
    compared = list(_vocabulary(settings, files["config.json"]))
    if settings.get("options"):
        compared += _slicing(settings["options"], files)
    if settings["model"] == "glm_4v":
        compared += _glm4v(files["config.json"])
    faults = [f"{what} is {found} in the model, and {wanted} in the rows" for what, found, wanted, fits in compared if not fits]
    if not compared:
        return Faults(notes=["not compared: options, since the model's files state none"])
    return Faults(faults, [f"{what} is {found}" for what, found, _, _ in compared])


def _slicing(options: Json, files: dict[str, Json]) -> Iterator[tuple[str, Any, Any, bool]]:
    for file, section, key, option in _KEYS:
        held = files[file] if section is None else files[file].get(section) or {}
        if key in held and option in options:
            place = f"{file}: {section + '.' if section else ''}{key}"
            yield place, held[key], f"{option} {options[option]}", held[key] == options[option]


def _glm4v(config: Json) -> Iterator[tuple[str, Any, Any, bool]]:
    side = (config.get("vision_config") or {}).get("image_size")
    if side is not None:
        yield "config.json: vision_config.image_size", side, 1120, side == 1120


def _vocabulary(settings: Settings, config: Json) -> Iterator[tuple[str, Any, Any, bool]]:
    """An id that the model has no row for ends training in an error of the accelerator that names nothing."""
    size = config.get("padded_vocab_size") or config.get("vocab_size")
    highest = max(settings["tokenizer"]["specials"].values(), default=0)
    if isinstance(size, int):
        yield "config.json: the number of ids", size, f"{highest} as the highest control token", highest < size


def _read(path: Path) -> Json:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
