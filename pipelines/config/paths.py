"""Paths in the configuration: local paths, file:///... or URIs of stores, with {batch} as a placeholder for --batch."""

from __future__ import annotations

import glob
import os.path
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pipelines.storage.locations import SCHEMES, canonical_uri, is_uri

BATCH = "{batch}"
# A scheme with a single slash must be a known one: `logs:/x` may be a folder named `logs:`.
_URI = re.compile(r"\s*(?:([A-Za-z][A-Za-z0-9+.\-]+)://|(file|s3|s3a|s3n|gs|gcs|hdfs|viewfs|abfs|abfss|wasb|wasbs|adl|oss|cos|dbfs|http|https|ftp|hf):/)", re.I)
_BRACES = re.compile(r"\{[^{}/]*\}")


def local_path(text: str) -> str:
    """The path itself, or the path of a file: URI. Raises ValueError for any other URI, with its scheme only, since the rest may contain a key.

    >>> local_path("../logs/*.jsonl"), local_path("file:///data/my%20logs")
    ('../logs/*.jsonl', '/data/my logs')
    """
    if "\x00" in text:
        raise ValueError("must not contain a NUL character")
    found = _URI.match(text)
    if found is None:
        return text
    scheme = (found[1] or found[2]).lower()
    if scheme != "file":
        raise ValueError(f"{scheme}:// is not supported here; write a local path or file:///...")
    machine, slash, path = text.strip()[len("file:") :].removeprefix("//").partition("/")
    if machine not in ("", "localhost") or not slash:
        raise ValueError(f"file://{machine} names another machine; write a local path as file:///...")
    return unquote("/" + path.lstrip("/"))


def input_path(text: str) -> str:
    """The path itself, the path of a file: URI, or the URI of a store that can be read. Raises ValueError for any other URI.

    >>> input_path("file:///data/logs"), input_path("s3a://logs/{batch}/*.jsonl")
    ('/data/logs', 's3://logs/{batch}/*.jsonl')
    """
    found = _URI.match(text)
    scheme = found and (found[1] or found[2]).lower()
    if scheme in SCHEMES:
        return canonical_uri(text)
    if scheme and scheme != "file":
        raise ValueError(f"{scheme}:// is not supported; known: s3://, gs://, abfss://, hdfs:// and file:///...")
    return local_path(text)


def brace_faults(data: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Placeholders in braces that are never replaced; read from the raw data. Braces in the name of an existing file are not a fault."""
    for place, text, has_batch in _paths(data):
        try:
            path = input_path(text)
            path = path if is_uri(path) else str(folder / path)
        except ValueError:
            continue
        for found in _BRACES.finditer(path):
            if not (found[0] == BATCH and has_batch) and not _exists_literally(path, found.end(), has_batch):
                yield f"{place}: {_advice(found[0], has_batch)}"


def fixed_part(pattern: str) -> str:
    """The part of a path before its first glob or {batch}.

    >>> fixed_part("/data/logs/{batch}/*.jsonl"), fixed_part("/data/*.jsonl"), fixed_part("/data/a.jsonl")
    ('/data/logs', '/data', '/data/a.jsonl')
    """
    if BATCH not in pattern and not is_uri(pattern) and os.path.lexists(pattern):
        return pattern
    parts = pattern.split("/")
    fixed = next((i for i, part in enumerate(parts) if BATCH in part or glob.has_magic(part)), len(parts))
    return "/".join(parts[:fixed]) or "/"


def _paths(data: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """(place, path, whether {batch} is replaced in it), for every path."""
    sources, output = data.get("sources"), data.get("output")
    for i, source in enumerate(sources if isinstance(sources, list) else ()):
        for key in ("path", "image_root") if isinstance(source, Mapping) else ():
            given = source.get(key)
            for k, text in enumerate(given if isinstance(given, list) else [given]):
                if isinstance(text, str):
                    yield f"sources[{i}].{key}" + (f"[{k}]" if isinstance(given, list) else ""), text, key == "path"
    if isinstance(output, Mapping) and isinstance(output.get("root"), str):
        yield "output.root", output["root"], False


def _exists_literally(path: str, end: int, has_batch: bool) -> bool:
    """Whether a file or folder with these braces in its name exists; where {batch} is replaced, for any batch. Looks at local paths only."""
    after = path.find("/", end)
    named = path if after < 0 else path[:after]
    return os.path.lexists(named) or (has_batch and bool(glob.glob(named.replace(BATCH, "*"))))


def _advice(braces: str, has_batch: bool) -> str:
    if "," in braces:
        return f"{braces} is not expanded; give a list of paths"
    if not has_batch:
        return f"{braces} is not replaced here; only sources[].path may contain {BATCH}"
    return f"{braces} is not replaced; did you mean {BATCH}?"
