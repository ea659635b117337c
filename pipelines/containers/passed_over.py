"""Which files of a folder are logs. The name decides if it can, so that a folder of 100,000 logs is listed without opening them."""

from __future__ import annotations

import os
import re
import stat

from pipelines.containers.chunks import unread_kind
from pipelines.containers.encodings import other_encoding
from pipelines.containers.kinds import ARROW_NAMES, LINE_NAMES, PACKED_NAMES, begins_like_json, columnar, read_head
from pipelines.containers.pieces import BLANK, BOM
from pipelines.storage.folders import Folders
from pipelines.storage.locations import is_uri, join, parent_of
from pipelines.storage.opening import open_file

LOG_NAMES = (*LINE_NAMES, ".json", ".parquet", *ARROW_NAMES)
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".svg", ".ico", ".heic", ".avif")
MEDIA = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mp3", ".wav", ".flac", ".ogg")
HALF_WRITTEN = (".tmp", ".temp", ".part", ".partial", ".inprogress", ".crdownload", ".swp", "._copying_", "~")
# Written next to the rows of a data set by Hugging Face's `datasets`.
OF_DATASETS = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json"}
HIDDEN = "hidden: its name begins with . or _"
OF_A_DATASET = "it describes a data set and contains no rows"
_BEGINS = re.compile(rb'\{\s*("|\}|\Z)|\[\s*(\{|\]|\Z)')
_RECORD = re.compile(rb'\s*\{\s*"')


def is_hidden(name: str) -> bool:
    """Whether Spark would ignore it: it begins with a dot or underscore, and is not the folder of a partition."""
    return name.startswith((".", "_")) and "=" not in name


def why_passed_over(path: str, folders: Folders) -> str | None:
    """Why this file in a folder is not a log; None if it is or might be a log: reading it reports what is wrong."""
    name = os.path.basename(path).lower()
    if why := _by_name(name):
        return why
    if is_of_a_dataset(path, folders):
        return OF_A_DATASET
    return None if _without_packing(name).endswith(LOG_NAMES) else _by_content(path, folders)


def is_of_a_dataset(path: str, folders: Folders) -> bool:
    """Whether it describes a data set of Hugging Face's `datasets` and holds no rows of it."""
    name = os.path.basename(path)
    return name in OF_DATASETS or (name == "state.json" and folders.is_file(join(parent_of(path), "dataset_info.json")))


def _by_name(name: str) -> str | None:
    if is_hidden(name):
        return HIDDEN
    if name.endswith(HALF_WRITTEN):
        return "incomplete: it has the name of a temporary file"
    if name.endswith(".crc"):
        return "a checksum"
    if re.match(r"(readme|license)(\.(md|txt|rst))?$", name):
        return "a README or licence"
    if name.endswith(PICTURES):
        return "a picture"
    return "audio or video" if name.endswith(MEDIA) else None


def _without_packing(name: str) -> str:
    return name.removesuffix(next((suffix for suffix in PACKED_NAMES if name.endswith(suffix)), ""))


def _by_content(path: str, folders: Folders) -> str | None:
    try:
        if not is_uri(path) and not stat.S_ISREG(os.stat(path).st_mode):
            return "not a regular file"
        with open_file(path, folders.stores) as file:
            kind = unread_kind(file.read(512))
        head = read_head(path, folders.stores) if kind is None else None
    except OSError:
        return None
    if head is None:
        return f"{kind}, which cannot be read"
    if not head.data:  # empty, or a compressed file that is damaged at its beginning
        return None
    if kind := unread_kind(head.data):
        return f"{kind} inside a compressed file, which cannot be read"
    if columnar(head.data) or (begins_like_json(head.data) and other_encoding(head.data, head.is_all)):
        return None
    return None if _is_log(head.data) else f"its content is not a log: it begins with {head.data[:20]!r}"


def _is_log(head: bytes) -> bool:
    """Whether JSON begins here, or most lines begin like a record: the first may be damaged."""
    text = head.removeprefix(BOM).lstrip(BLANK)
    lines = [line for line in text.split(b"\n") if line.strip(BLANK)]
    return _BEGINS.match(text) is not None or 2 * sum(_RECORD.match(line) is not None for line in lines) > len(lines)
