"""The object stores that images may be read from, and whether this machine has a client for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from pyarrow import fs

# Scheme -> the class that pyarrow must have. It is not opened, since that could already access the network.
BUILT_IN = {"s3": "S3FileSystem", "gs": "GcsFileSystem", "gcs": "GcsFileSystem", "abfs": "AzureFileSystem", "abfss": "AzureFileSystem"}
LOADED = ("hdfs", "viewfs", "hf")  # need separate libraries, which may be missing


def client_faults(schemes: Iterable[str]) -> Iterator[str]:
    """A sentence for each entry of images.allow_schemes that has no client."""
    for i, scheme in enumerate(schemes):
        if fault := _fault(scheme):
            yield f"images.allow_schemes[{i}]: {fault}"


def _fault(scheme: str) -> str | None:
    if scheme in BUILT_IN:
        return None if hasattr(fs, BUILT_IN[scheme]) else f"this build of pyarrow has no client for {scheme}://"
    if scheme in LOADED:
        return None if _loads(scheme) else f"the libraries for {scheme}:// are not installed on this machine"
    if scheme.lower().rstrip(":/") == "file":
        return "file:// needs no entry: such images are read from image_root"
    near = get_close_matches(scheme.lower().rstrip(":/"), [*BUILT_IN, *LOADED], n=1, cutoff=0.5)
    return f"no client for {scheme!r}" + (f"; did you mean {near[0]}?" if near else f"; known: {', '.join([*BUILT_IN, *LOADED])}")


def _loads(scheme: str) -> bool:
    try:
        fs.FileSystem.from_uri(f"{scheme}://probe")
    except (OSError, ValueError, ImportError):
        return False
    return True
