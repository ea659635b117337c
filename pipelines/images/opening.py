"""Opening a located file: part by part from the top, following no link, so that what was checked is what is opened."""

from __future__ import annotations

import os
from typing import BinaryIO

_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_unlinked(path: str) -> BinaryIO:
    """The file at this path, which `os.path.realpath` gave: none of its parts was a link then, and none may be one now.

    Raises OSError; ELOOP or ENOTDIR where a part has become a link since.
    """
    *folders, name = path.strip("/").split("/")
    at = os.open("/", _STEP)
    try:
        for folder in folders:
            below = os.open(folder, _STEP, dir_fd=at)
            os.close(at)
            at = below
        # Not to wait for a writer where a pipe has taken the file's place.
        return os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at), "rb")
    finally:
        os.close(at)


def real_path(path: str, root: str) -> str | None:
    """The path without links; None where that is not under the root."""
    home, real = os.path.realpath(root), os.path.realpath(path)
    return real if os.path.commonpath([home, real]) == home else None
