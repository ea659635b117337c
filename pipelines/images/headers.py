"""The size of a picture by its header alone, for a plan: pixels are not decoded, and of a large file only the parts that say its size are read."""

from __future__ import annotations

import os
from typing import BinaryIO

from pipelines.config import Config
from pipelines.images.data_uri import decode_data_uri
from pipelines.images.files.formats import FORMATS, check, format_of
from pipelines.images.opening import open_unlinked
from pipelines.images.verify import Verdict, verify
from pipelines.reasons import Reason, Reject
from pipelines.records import Size
from pipelines.storage.locations import is_uri

HEAD = 1 << 14  # bytes that are read at once: a JPEG rarely has more before its size


class FileBytes:
    """The bytes of an open file, as far as slices ask for them. `head` is how it begins."""

    def __init__(self, head: bytes, descriptor: int, size: int):
        self._head, self._descriptor, self._size = head, descriptor, size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self._size)
        return self._head[start:stop] if stop <= len(self._head) else os.pread(self._descriptor, max(0, stop - start), start)


def verify_header(uri: str, size: int, modified: int, path: str | None, ref: str | None, config: Config) -> Verdict:
    """As `verify` at level `header`, without the file's hash. Of a picture in a store the whole file is read."""
    if path is not None and is_uri(path):
        return verify(uri, size, modified, path, ref, config.model_copy(update={"images": config.images.model_copy(update={"verify": "header"})}))
    try:
        if path is None:
            kind, (width, height) = check(decode_data_uri(ref or ""), "header", config.images.max_pixels)
        else:
            kind, (width, height) = _of_file(path, size, modified, config)
    except Reject as reject:
        first = reject.findings[0]
        return Verdict(uri, size, modified, None, None, None, None, "bad", first.code, first.detail, "header")
    return Verdict(uri, size, modified, "", kind, width, height, "good", None, None, "header")


def _of_file(path: str, size: int, modified: int, config: Config) -> tuple[str, Size]:
    if size > config.limits.image_bytes:
        raise Reject(Reason.IMAGE_PIXEL_LIMIT.at("", f"the file has {size} bytes; limits.image_bytes is {config.limits.image_bytes}"))
    try:
        with open_unlinked(path) as file:
            found = os.fstat(file.fileno())
            if (found.st_size, found.st_mtime_ns) != (size, modified):
                raise Reject(Reason.FILE_CHANGED_WHILE_READING.at("", "the image was written to during the run"))
            return size_of(file, size, config.images.max_pixels)
    except OSError as error:
        raise Reject(Reason.IMAGE_MISSING.at("", f"it cannot be opened: {error.strerror}")) from None


def size_of(file: BinaryIO, size: int, max_pixels: int) -> tuple[str, Size]:
    """(format as Pillow names it, size in px after EXIF turning), as `check` at level `header` gives them for the whole file. Raises Reject."""
    head = os.pread(file.fileno(), HEAD, 0)
    if size > len(head):
        try:
            kind = format_of(head)
            # A JPEG is searched front to back; the others are read at places that they name, and some keep their orientation at the end.
            found: Size = FORMATS[kind].read_size(head if kind == "JPEG" else FileBytes(head, file.fileno(), size), max_pixels)
            return kind, found
        except Reject:
            head = os.pread(file.fileno(), size, 0)  # a part can accept a picture, but only the whole file can refuse it
    return check(head, "header", max_pixels)
