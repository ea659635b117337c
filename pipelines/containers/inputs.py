"""The input files of a batch, source by source. A source without files is a fault, unless it sets allow_empty."""

from __future__ import annotations

import glob
from collections.abc import Sequence

from pipelines.config import Config, ConfigError, Source
from pipelines.containers.listing import Listing, list_inputs
from pipelines.storage.folders import Folders
from pipelines.storage.locations import StoreError


def inputs_of(config: Config, batch: str | None) -> Listing:
    """The files of all sources, in their order. Raises ConfigError that names every source without files, unless it sets allow_empty."""
    found = Listing()
    faults: list[str] = []
    folders = Folders(config.stores)
    for source in config.sources:
        try:
            there, missing = _parted(_paths(source, batch), folders)
            listing = list_inputs(source, batch, there, folders)
        except StoreError as error:
            faults.append(f"source {source.name}: {error}")
            continue
        if not source.allow_empty and (missing or not listing.files):
            what = f"no such file or folder: {', '.join(missing)}" if missing else f"no log files at {', '.join(_paths(source, batch))}"
            faults.append(f"source {source.name}: {what}; set allow_empty: true if a batch may have none")
        found += listing
    if faults:
        raise ConfigError(faults)
    return found


def _parted(paths: Sequence[str], folders: Folders) -> tuple[list[str], list[str]]:
    """(paths that exist or are patterns, plain paths that do not exist)."""
    missing = [path for path in paths if not glob.has_magic(path) and not folders.exists(path)]
    return [path for path in paths if path not in missing], missing


def _paths(source: Source, batch: str | None) -> list[str]:
    return [pattern.replace("{batch}", batch or "") for pattern in source.path]
