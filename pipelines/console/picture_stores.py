"""The object stores that pictures may be read from, and whether this machine has a client for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from pyarrow import fs

from pipelines.images.remote import open_store

# With the class of pyarrow that must be built in; opening one could already ask the network.
BUILT_IN = {"s3": "S3FileSystem", "gs": "GcsFileSystem", "gcs": "GcsFileSystem", "abfs": "AzureFileSystem", "abfss": "AzureFileSystem"}
LOADED = ("hdfs", "viewfs", "hf")  # by libraries of their own, which may be missing


def client_faults(schemes: Iterable[str]) -> Iterator[str]:
    """A sentence for each entry of images.allow_schemes that no client exists for."""
    for i, scheme in enumerate(schemes):
        if fault := _fault(scheme):
            yield f"images.allow_schemes[{i}]: {fault}"


def _fault(scheme: str) -> str | None:
    if scheme in BUILT_IN:
        return None if hasattr(fs, BUILT_IN[scheme]) else f"pyarrow is built without a client for {scheme}://"
    if scheme in LOADED:
        return None if _loads(scheme) else f"the libraries for {scheme}:// are not installed on this machine"
    if scheme.lower().rstrip(":/") == "file":
        return "file:// needs no entry; such pictures are looked for in image_root"
    near = get_close_matches(scheme.lower().rstrip(":/"), [*BUILT_IN, *LOADED], n=1, cutoff=0.5)
    return f"there is no client for {scheme!r}" + (f"; did you mean {near[0]}?" if near else f"; known: {', '.join([*BUILT_IN, *LOADED])}")


def _loads(scheme: str) -> bool:
    try:
        open_store(scheme, "probe")
    except (OSError, ValueError, ImportError):
        return False
    return True
