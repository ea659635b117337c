"""Checks of everything that a configuration names on this machine: image roots, tokenizers, the output root, the commands of hooks."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from pipelines.config.loading import ConfigError
from pipelines.config.settings import Config, DialectSettings, Hooks, Output, Source
from pipelines.storage.folders import Folders
from pipelines.storage.locations import StoreError, is_uri
from pipelines.storage.locks import can_create_once, can_lock
from pipelines.storage.stores import Stores


def require_places(config: Config) -> None:
    """Raises ConfigError where an image root or a tokenizer's folder is missing, or the output root cannot be used. Leaves no file behind."""
    faults = [fault for i, source in enumerate(config.sources) for fault in image_root_faults(i, source, Folders(config.stores))]
    faults += [fault for i, dialect in enumerate(config.dialects) for fault in tokenizer_faults(i, dialect)]
    faults += output_faults(config.output, config.stores)
    if faults:
        raise ConfigError(faults)


def image_root_faults(i: int, source: Source, folders: Folders) -> Iterator[str]:
    for k, folder in enumerate(source.image_roots):
        place = f"sources[{i}].image_root" + (f"[{k}]" if source.roots_are_listed else "")
        if fault := prefix_fault(folder, folders) if is_uri(folder) else folder_fault(folder):
            yield f"{place}: {fault}"


def prefix_fault(uri: str, folders: Folders) -> str | None:
    """Why nothing can be read below this URI, or None if something can."""
    try:
        return None if folders.is_folder(uri) else f"no object has a key that begins with {uri}/"
    except StoreError as error:
        return str(error)


def folder_fault(folder: str) -> str | None:
    """Why this is not a readable folder, or None if it is one."""
    try:
        with os.scandir(folder):
            pass
        if not os.access(folder, os.X_OK):
            return f"{folder} cannot be read: permission denied"
    except FileNotFoundError:
        return f"no such folder: {folder}"
    except NotADirectoryError:
        return f"{folder} is a file, not a folder" if os.path.lexists(folder) else f"no such folder: {folder}"
    except OSError as error:
        return f"{folder} cannot be read: {_words(error)}"
    return None


def tokenizer_faults(i: int, dialect: DialectSettings) -> Iterator[str]:
    """A path must exist. Bundled names and hub ids are checked when they are opened."""
    if os.path.isabs(dialect.tokenizer) and not os.path.exists(dialect.tokenizer):
        yield f"dialects[{i}].tokenizer: no such file or folder: {dialect.tokenizer}"


def hook_faults(hooks: Hooks) -> Iterator[str]:
    for name in Hooks.model_fields:
        hook = getattr(hooks, name)
        if hook and hook.command and (fault := command_fault(hook.command[0])):
            yield f"hooks.{name}.command: {fault}"


def command_fault(command: str) -> str | None:
    """Why this command cannot be run, or None if it can."""
    if "/" not in command:
        return None if shutil.which(command) else f"{command!r} is not a program in the PATH"
    if not os.path.lexists(command):
        return f"no such file: {command}"
    if os.path.isdir(command):
        return f"{command} is a folder, not a program"
    return None if os.access(command, os.X_OK) else f"{command} is not executable"


PARQUET = "output.format: tables are Delta tables now, and their data files are Parquet: episodes snapshot ROOT --sql names them"


def output_faults(output: Output, stores: Stores) -> Iterator[str]:
    """What the file system or the store of the output root cannot do. Tried in the nearest existing folder; leaves nothing behind."""
    if output.format == "parquet":
        yield PARQUET
    if is_uri(output.root):
        yield from (f"output.root: {fault}" for fault in store_faults(output.root, stores))
        return
    there = next(path for path in (Path(output.root), *Path(output.root).parents) if os.path.lexists(path))
    if not there.is_dir():
        yield f"output.root: {there} is a file, not a folder" if there.exists() else f"output.root: {there} is a broken link"
        return
    try:
        with tempfile.TemporaryDirectory(prefix=".episodes-check-", dir=there, ignore_cleanup_errors=True) as folder:
            yield from (f"output.root: {fault}" for fault in failed_tries(Path(folder), TRIES, there))
    except OSError as error:
        yield f"output.root: {there} cannot be written: {_words(error)}"


Attempt = Callable[[Path], None]


def failed_tries(folder: Path, tries: Mapping[str, Attempt], there: Path) -> Iterable[str]:
    """A sentence for each attempt that raises OSError."""
    for name, attempt in tries.items():
        try:
            attempt(folder)
        except OSError as error:
            yield f"the file system of {there} cannot {name}: {_words(error)}"


def _write(folder: Path) -> None:
    (folder / "file").write_bytes(b"0" * 4096)


def _lock(folder: Path) -> None:
    if not can_lock(folder / "lock"):
        raise OSError("two holders got the same lock")


def _link(folder: Path) -> None:
    (folder / "linked").touch()
    (folder / "link").hardlink_to(folder / "linked")


def _rename(folder: Path) -> None:
    (folder / "moving").touch()
    (folder / "moving").rename(folder / "file")


TRIES: dict[str, Attempt] = {"write files": _write, "lock files (flock)": _lock, "make hard links, which Delta tables need": _link, "rename files": _rename}


def store_faults(root: str, stores: Stores) -> Iterator[str]:
    """Why tables cannot be published below this URI: it cannot be written, or an object that exists can be written again without being seen."""
    try:
        if not can_create_once(root, stores):
            yield f"{root}: the store does not refuse to create an object that exists, so two runs could publish at once"
    except (OSError, StoreError) as error:
        yield f"{root} cannot be written: {error}"


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
