"""A configuration as these functions take it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeAlias

from pipelines.config import Config, load_config

Path: TypeAlias = "str | os.PathLike[str]"


def config_of(given: Path | Config, settings: str | Iterable[str] = ()) -> Config:
    """The configuration, read from its file with `key=value` overrides unless it has been read. Raises ConfigError with all faults."""
    if isinstance(given, Config):
        if list(settings):
            raise TypeError("settings change a configuration file, and this configuration has been read already")
        return given
    return load_config(os.fspath(given), [settings] if isinstance(settings, str) else settings)
