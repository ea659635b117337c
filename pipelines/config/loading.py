"""A configuration file and its overrides -> settings, or every fault at once, with its place and the nearest name."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipelines.config.faults import names_disagree, sentences
from pipelines.config.settings import OPTIONS, Config


class ConfigError(Exception):
    """The configuration is wrong; `faults` are sentences, each with its place."""

    def __init__(self, faults: Sequence[str]):
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


def load_config(path: Path | str, overrides: Iterable[str] = ()) -> Config:
    """The configuration of this file with `key.path=value` overrides on top, its relative paths made absolute.

    Raises ConfigError with every fault. Precedence: defaults < file < overrides.
    """
    path = Path(path)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror or error}"]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: not YAML: {' '.join(str(error).split())}"]) from None
    if not isinstance(data, dict):
        raise ConfigError([f"{path}: a mapping of settings is wanted, not {type(data).__name__}"])
    for override in overrides:
        _override(data, override)
    return resolve_paths(parse_config(data), path.absolute().parent)


def parse_config(data: Mapping[str, Any]) -> Config:
    """Settings from plain data; raises ConfigError with every fault, and the nearest key where one is unknown."""
    faults = names_disagree(data)
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        faults = [*sentences(error, data, Config, OPTIONS), *faults]
    if faults:
        raise ConfigError(faults)
    return config


def resolve_paths(config: Config, folder: Path) -> Config:
    """Relative paths resolve against the configuration file's folder. Globs and {batch} stay as they are."""

    def absolute(text: str) -> str:
        return text if "://" in text else str(_normal(folder / text))

    def absolute_root(root: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        return absolute(root) if isinstance(root, str) else root and tuple(map(absolute, root))

    sources = tuple(
        source.model_copy(update={"path": tuple(map(absolute, source.path)), "image_root": absolute_root(source.image_root)}) for source in config.sources
    )
    # A tokenizer is a folder or file where one stands there; else it is a bundled name or a hub id.
    dialects = tuple(
        dialect.model_copy(update={"tokenizer": absolute(dialect.tokenizer) if (folder / dialect.tokenizer).exists() else dialect.tokenizer})
        for dialect in config.dialects
    )
    return config.model_copy(
        update={"sources": sources, "dialects": dialects, "output": config.output.model_copy(update={"root": absolute(config.output.root)})}
    )


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path))


def _override(data: dict[str, Any], text: str) -> None:
    """Set `output.root=/data` or `dialects[0].max_tokens=512` (or `dialects.0.max_tokens`); the value is YAML."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise ConfigError([f"--set {text}: key=value is wanted"])
    *parents, last = key.replace("[", ".").replace("]", "").split(".")
    try:
        place: Any = data
        for name in parents:
            place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
        place[int(last) if isinstance(place, list) else last] = yaml.safe_load(value)
    except (ValueError, IndexError, AttributeError, TypeError, yaml.YAMLError):
        raise ConfigError([f"--set {text}: there is no such place in the configuration"]) from None
