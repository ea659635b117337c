"""Columns in the names of folders, as Hive and Spark write them: `episode_id=ep1/part-0.parquet`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

NULL = "__HIVE_DEFAULT_PARTITION__"
_MAGIC = re.compile(r"[*?\[]")

Columns = dict[str, Any]


def columns_of(path: str, patterns: Sequence[str]) -> Columns:
    """The columns of a file, from the names of the folders below the paths of its source (`patterns`), or below the fixed part of a glob.
    Values are text, or null. It depends on names only, so that a record of an earlier run gets the same columns.

    >>> columns_of("/logs/day=1/lang=en%20GB/a.jsonl", ("/logs/day=1", "/other"))
    {'lang': 'en GB'}
    >>> columns_of("/logs/day=1/a.jsonl", ("/logs/*/*.jsonl",)), columns_of("/else/day=1/a.jsonl", ("/logs",))
    ({'day': '1'}, {})
    """
    return dict(_columns(os.path.dirname(path), tuple(patterns))) if "=" in path else {}


def with_columns(record: dict[str, Any], path: str, patterns: Sequence[str]) -> dict[str, Any]:
    """The record with the columns of its file's folders. A value of its own other than null takes precedence."""
    if "=" not in path:
        return record
    return record | {name: value for name, value in columns_of(path, patterns).items() if record.get(name) is None}


@lru_cache(maxsize=1024)
def _columns(folder: str, patterns: tuple[str, ...]) -> tuple[tuple[str, str | None], ...]:
    below = [rest for pattern in patterns if (rest := _below(folder, fixed_part(pattern))) is not None]
    if not below:
        return ()
    pairs = (name.partition("=") for name in max(below, key=len).split("/"))
    return tuple((unquote(key), None if value == NULL else unquote(value)) for key, sign, value in pairs if sign and key)


def fixed_part(pattern: str) -> str:
    """The beginning of a source's path without wildcards; `{batch}` may be part of it.

    >>> fixed_part("/logs/{batch}/day=*/a.jsonl"), fixed_part("/logs/{batch}")
    ('/logs/{batch}', '/logs/{batch}')
    """
    parts = pattern.split("/")
    magic = next((i for i, part in enumerate(parts) if _MAGIC.search(part)), None)
    return "/".join(parts if magic is None else parts[:magic]).rstrip("/")


def _below(folder: str, base: str) -> str | None:
    """The part of the folder's path below `base`, in which {batch} matches one name; None if the folder is elsewhere."""
    match = re.match(re.escape(base).replace(r"\{batch\}", "[^/]+") + "(/|$)", folder)
    return folder[match.end() :] if match else None
