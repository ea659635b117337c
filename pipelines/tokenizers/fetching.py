"""A tokenizer in a store -> a local copy, fetched once."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from pipelines.storage.folders import Folders
from pipelines.storage.locations import Entry, join
from pipelines.storage.opening import read_whole
from pipelines.storage.stores import Stores
from pipelines.tokenizers.facts import cache_folder

# The files of a tokenizer. Neither weights nor code are fetched.
SUFFIXES = (".json", ".model", ".tiktoken", ".txt", ".jinja")
MAX_BYTES = 256 << 20  # of one file


def fetch(uri: str, stores: Stores) -> Path:
    """The local copy of this file, or of the files in this folder, in the cache. It is never partial, and is fetched again when an object
    changes. Raises ValueError, OSError and StoreError."""
    found = _files_at(uri, Folders(stores))
    state = repr([(name, *entry) for name, entry in sorted(found.items())])
    target = cache_folder() / "tokenizers" / "fetched" / hashlib.sha256(f"{uri}\0{state}".encode()).hexdigest()[:32]
    name = uri.rpartition("/")[2]
    if not target.is_dir():
        _fetch_into(target, {(f"{name}/{file}" if file else name): (join(uri, file) if file else uri, entry) for file, entry in found.items()}, stores)
    return target / name


def _files_at(uri: str, folders: Folders) -> dict[str, Entry]:
    """The files by their names in the folder, without subfolders; if the URI is a file, this file by the name \"\"."""
    if folders.is_folder(uri):
        names = [name for name in folders.names_in(uri) if name.endswith(SUFFIXES) and folders.is_file(join(uri, name))]
        if names:
            return {name: folders.stat(join(uri, name)) for name in names}
        raise ValueError(f"{uri} has no tokenizer files ({', '.join(SUFFIXES)})")
    try:
        return {"": folders.stat(uri)}
    except FileNotFoundError:
        raise ValueError(f"no such file or folder: {uri}") from None


def _fetch_into(target: Path, files: dict[str, tuple[str, Entry]], stores: Stores) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as temporary:
        for name, (uri, entry) in files.items():
            if entry.size > MAX_BYTES:
                raise ValueError(f"{uri} has {entry.size} bytes, too many for a file of a tokenizer")
            data, now = read_whole(uri, entry.size, stores)
            if (now.version or now.size) != (entry.version or entry.size) or len(data) != entry.size:
                raise ValueError(f"{uri} changed while it was being fetched; try again")
            path = Path(temporary) / "whole" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        _rename(Path(temporary) / "whole", target)


def _rename(made: Path, target: Path) -> None:
    """If another process on this machine was faster, its copy is kept: it is the same."""
    try:
        os.rename(made, target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(made)
