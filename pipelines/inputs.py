"""The input files of a batch, source by source. A source without any is a fault, unless it may be without."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.config import Config, ConfigError, Source
from pipelines.containers.listing import InputFile, list_inputs


def inputs_of(config: Config, batch: str | None) -> list[InputFile]:
    """The files of all sources, in their order. Raises ConfigError with a sentence for every source that has none and must have some."""
    found: list[InputFile] = []
    faults: list[str] = []
    for source in config.sources:
        missing: list[str] = []
        files = list(_files(source, batch, missing))
        if not source.allow_empty and (missing or not files):
            what = f"no such file or folder: {', '.join(missing)}" if missing else f"no log file at {', '.join(_paths(source, batch))}"
            faults.append(f"source {source.name}: {what}; set allow_empty: true if a batch may be without")
        found += files
    if faults:
        raise ConfigError(faults)
    return found


def _files(source: Source, batch: str | None, missing: list[str]) -> Iterator[InputFile]:
    """Each file once; `missing` gets the plain paths that are not there. Path by path: one that is not there hides no other."""
    seen: dict[str, InputFile] = {}
    for pattern in _paths(source, batch):
        try:
            seen |= {file.path: file for file in list_inputs(source.model_copy(update={"path": (pattern,)}), batch)}
        except FileNotFoundError:
            missing.append(pattern)
    yield from (seen[path] for path in sorted(seen))


def _paths(source: Source, batch: str | None) -> list[str]:
    return [pattern.replace("{batch}", batch or "") for pattern in source.path]
