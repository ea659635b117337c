"""`episodes check`: opens everything that a configuration names, says what it found, and reports all errors at once."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from pipelines.config import ConfigError, DialectSettings, Scrub, Source
from pipelines.config.formats import is_plugin
from pipelines.config.loading import load_parts
from pipelines.config.paths import BATCH, fixed_part
from pipelines.config.places import folder_fault, hook_faults, image_root_faults, output_faults, tokenizer_faults
from pipelines.config.stores import stores_of
from pipelines.console.first import remarks_on_records
from pipelines.console.picture_stores import client_faults
from pipelines.containers.listing import InputFile, list_inputs
from pipelines.dialects import Dialect, open_dialect
from pipelines.dialects.hf.card import asked_and_missing
from pipelines.flow import prompt_fault_of
from pipelines.formats.plugin import plugin_fault
from pipelines.images.remote import scheme_of
from pipelines.images.resolve import path_inside
from pipelines.storage.folders import Folders
from pipelines.storage.locations import StoreError, is_uri
from pipelines.storage.stores import Stores
from pipelines.visible import counted

OK = 0


@dataclass(slots=True)
class Found:
    """What was found: `remarks` about everything that is valid, and `faults`."""

    remarks: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def check(options: Namespace) -> int:
    """Prints what was found. Raises ConfigError with all faults."""
    parts, faults = load_parts(options.config, options.set)
    if any(fault.startswith("storage") for fault in faults):  # then no store is asked: it would be another one than is meant
        raise ConfigError(faults)
    found = Found()
    stores = stores_of(parts.storage)
    opened = [one for i, dialect in parts.dialects.items() if (one := _open_tokenizer(found, i, dialect, stores))]
    takes_images = {one.name for one in opened if one.takes_images}
    for i, source in parts.sources.items():
        folders = Folders(stores)
        files = _look_for_files(found, i, source, options.batch, folders)
        if is_plugin(source.format) and (fault := plugin_fault(source.format)):
            found.faults.append(f"sources[{i}].format: {fault}")
        found.remarks += _remarks(source, list(parts.dialects.values()), takes_images)
        found.remarks += remarks_on_records(source, list(parts.dialects.values()), files, stores)
        found.faults += [*image_root_faults(i, source, folders), *_prefix_faults(i, source, parts.images.allow_schemes), *_prompt_faults(i, source)]
    found.faults += [*client_faults(parts.images.allow_schemes), *hook_faults(parts.hooks)]
    if parts.output:
        found.faults += output_faults(parts.output, stores)
        found.remarks.append(f"output: {parts.output.root}, {parts.output.format} tables")
    known = {place for fault in faults if "." in (place := fault.partition(": ")[0])}  # one fault of a setting is enough
    faults += [fault for fault in found.faults if fault.partition(": ")[0] not in known]
    found.remarks += _scrub_remarks(parts.scrub)
    if faults:
        raise ConfigError(faults)
    print("\n".join([*found.remarks, f"{options.config}: configuration is valid"]))
    return OK


def _scrub_remarks(scrub: Scrub) -> list[str]:
    kept = [what for what, is_off in (("keys and tokens", scrub.secrets == "off"), ("personal data", scrub.pii == "off")) if is_off]
    stay = "it stays" if kept == ["personal data"] else "they stay"
    return [f"scrub is off for {', and for '.join(kept)}: {stay} in the tables as logged"] if kept else []


def _open_tokenizer(found: Found, i: int, settings: DialectSettings, stores: Stores) -> Dialect | None:
    if missing := list(tokenizer_faults(i, settings)):
        found.faults += missing
        return None
    try:
        dialect = open_dialect(settings, stores)
    except ConfigError as error:
        found.faults += error.faults
        return None
    kind = "a stand-in vocabulary whose ids are not those of the model" if dialect.standin else "fingerprint " + dialect.fingerprint[:12]
    found.remarks.append(f"dialect {dialect.name}: tokenizer {settings.tokenizer}, {kind}")
    if dialect.card:
        found.remarks += [f"dialect {dialect.name}: {remark}" for remark in asked_and_missing(settings, dialect.card)]
    return dialect


def _look_for_files(found: Found, i: int, source: Source, batch: str | None, folders: Folders) -> list[InputFile]:
    """The files that are there, [] after a fault. Every path must exist up to its first glob or {batch}. If the batch is known, the paths of a source
    must match at least one file."""
    files: list[InputFile] = []
    faults: list[str] = []
    for k, pattern in enumerate(source.path):
        place = f"sources[{i}].path" + (f"[{k}]" if len(source.path) > 1 else "")
        path = pattern.replace(BATCH, batch) if batch else pattern
        fixed = fixed_part(path)
        if is_uri(path) and (fault := _store_fault(fixed, folders)):
            faults.append(f"{place}: {fault}")
        elif not folders.exists(fixed):
            faults += [] if source.allow_empty else [f"{place}: no such file or folder: {fixed}"]
        elif not is_uri(path) and os.path.isdir(fixed) and (fault := folder_fault(fixed)):
            faults.append(f"{place}: {fault}")
        elif BATCH in path:
            found.remarks.append(f"source {source.name}: {fixed} exists; use --batch to check for files, since the path contains {BATCH}")
        else:
            here = list(list_inputs(source, batch, [path], folders).files)
            faults += [f"{place}: {fault}" for fault in _unreadable(here)]
            found.remarks.append(f"source {source.name}: {_amount(here)} at {path}")
            files += here
    known = batch is not None or not any(BATCH in path for path in source.path)
    if known and not files and not faults:
        if source.allow_empty:
            found.remarks.append(f"source {source.name}: has no files now, which allow_empty permits")
        else:
            faults.append(f"sources[{i}].path: no log files at {', '.join(path.replace(BATCH, batch or '') for path in source.path)}")
    found.faults += faults
    return [] if faults else files


def _store_fault(uri: str, folders: Folders) -> str | None:
    """Why the store of this URI cannot be read, or None if it can."""
    try:
        folders.exists(uri)
    except StoreError as error:
        return str(error)
    return None


def _unreadable(files: list[InputFile]) -> Iterator[str]:
    shut = [file.path for file in files if os.path.exists(file.path) and not os.access(file.path, os.R_OK)]
    if shut:
        yield f"{shut[0]} cannot be read: permission denied" + (f" (and {len(shut) - 1} more)" if len(shut) > 1 else "")


def _prompt_faults(i: int, source: Source) -> Iterator[str]:
    if fault := prompt_fault_of(source):
        yield f"sources[{i}].rows.prompt: {fault}"


def _remarks(source: Source, dialects: list[DialectSettings], takes_images: Collection[str]) -> Iterator[str]:
    takers = [dialect for dialect in dialects if dialect.takes(source.name)]
    if dialects and not takers:
        yield f"source {source.name}: no dialect takes it, so its records become conversations only"
    if source.image_roots:
        yield f"source {source.name}: images are read from {', '.join(source.image_roots)}"
    elif any(dialect.name in takes_images for dialect in takers):
        yield f"source {source.name}: has no image_root, so records with image paths will be quarantined"
    for dialect in takers if source.fold == "prefix" else ():
        if dialect.on_overflow != "windows":
            longest = "the longest record of a conversation, which has the answers of the others"
            yield f"source {source.name}: fold: prefix: dialect {dialect.name} may lose {longest}, if it is over max_tokens; on_overflow: windows keeps it"


def _prefix_faults(i: int, source: Source, schemes: tuple[str, ...]) -> Iterator[str]:
    for old, new in source.image_prefix.items():
        if scheme_of(new) in schemes:
            continue
        if not source.image_roots:
            yield f"sources[{i}].image_prefix: needs image_root, where the new paths are looked up"
        elif all(path_inside(new, root) is None for root in source.image_roots):
            yield f"sources[{i}].image_prefix: {old!r} becomes {new!r}, which is outside every image_root"


def _amount(files: list[InputFile]) -> str:
    """
    >>> _amount([InputFile("gui", "a.jsonl", 1, 0)]), _amount([InputFile("gui", "a.jsonl", 3_400_000, 0)] * 12)
    ('1 file, 1 byte', '12 files, 40.8 MB')
    """
    size = sum(max(file.size, 0) for file in files)
    return f"{counted(len(files), 'file')}, {_bytes(size)}"


def _bytes(size: float) -> str:
    if size < 1000:
        return counted(size, "byte")
    unit, *larger = ("kB", "MB", "GB", "TB")
    size /= 1000
    while size >= 1000 and larger:
        size, unit = size / 1000, larger.pop(0)
    return f"{size:.1f} {unit}"
