"""Names on disk that differ from a logged one in upper and lower case or in Unicode form alone."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from pipelines.reasons import Reason
from pipelines.storage.folders import Folders
from pipelines.storage.locations import is_uri
from pipelines.storage.stores import ENVIRONMENT, Stores


def other_spellings(folder: str, path: str, stores: Stores = ENVIRONMENT) -> Iterator[tuple[str, tuple[Reason, ...]]]:
    """Every path under `folder` that reads like `path`, with what differs; the path itself among them if it exists."""
    found: list[tuple[str, tuple[Reason, ...]]] = [("", ())]
    for name in path.split("/"):
        found = [
            (os.path.join(parent, other), tuple(dict.fromkeys((*repairs, *_difference(name, other)))))
            for parent, repairs in found
            for other in _names_like(os.path.join(folder, parent) if parent else folder, name, stores)
        ]
    return iter(found)


def _names_like(folder: str, name: str, stores: Stores) -> tuple[str, ...]:
    if is_uri(folder):
        return _folded_keys(folder, stores).get(_fold(name), ())
    try:
        modified = os.stat(folder).st_mtime_ns
    except OSError:
        return ()
    return _folded_names(folder, modified).get(_fold(name), ())


@lru_cache(maxsize=64)
def _folded_names(folder: str, modified: int) -> dict[str, tuple[str, ...]]:
    """Folded name -> the names in this folder; read again when the folder changes."""
    try:
        return _by_folded_name(os.listdir(folder))
    except OSError:
        return {}


@lru_cache(maxsize=64)
def _folded_keys(folder: str, stores: Stores) -> dict[str, tuple[str, ...]]:
    """The same for a folder in a store. Each process lists it once, since such a folder has no time that shows changes. A key that is
    exactly as logged is found without this."""
    return _by_folded_name(Folders(stores).names_in(folder))


def _by_folded_name(listed: Iterable[str]) -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for name in sorted(listed):
        names[_fold(name)] = (*names.get(_fold(name), ()), name)
    return names


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _difference(name: str, other: str) -> tuple[Reason, ...]:
    if name == other:
        return ()
    same_form = unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", other)
    return (Reason.REPAIR_PATH_UNICODE,) if same_form else (Reason.REPAIR_PATH_CASE,)
