"""What a file is. Its content decides, and its name only breaks ties. Only the first 64 KiB count, so that every reader decides the same."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from pipelines.containers.chunks import CODECS, Damaged, codec_of, read_chunks
from pipelines.containers.encodings import other_encoding
from pipelines.containers.pieces import BLANK, BOM
from pipelines.containers.shapes import shape_of
from pipelines.parsing.sessions import session_of
from pipelines.reasons import Reason
from pipelines.storage.opening import open_file
from pipelines.storage.stores import ENVIRONMENT, Stores

Kind = Literal["lines", "array", "objects", "file", "parquet", "arrow", "arrow_stream"]
HEAD = 1 << 16
LINE_NAMES = (".jsonl", ".ndjson", ".jsonlines", ".jl")
ARROW_NAMES = (".arrow", ".feather", ".ipc")
PACKED_NAMES = tuple(codec.suffix for codec in CODECS)


class Head(NamedTuple):
    """The beginning of a file, decompressed. `is_all`: this is the whole file. `packed`: it is compressed."""

    data: bytes
    is_all: bool
    packed: bool


def read_head(path: str, stores: Stores = ENVIRONMENT) -> Head:
    """Raises OSError, and Damaged if the compression is not supported. If a compressed file is damaged this early, gives what could be
    decompressed: reading the file will report the damage."""
    with open_file(path, stores) as file:
        packed = codec_of(file.read(512)) is not None
    data = b""
    try:
        for chunk in read_chunks(path, HEAD + 1, stores):
            data += chunk
            if len(data) > HEAD:
                return Head(data[:HEAD], False, packed)
    except Damaged:
        if not packed:
            raise
    return Head(data, True, packed)


def kind_of(path: str, stores: Stores = ENVIRONMENT, records: str = "auto") -> Kind:
    """What the file is; `file` is a session or a list of turns, of which a record is more than a line. `records` is the source's setting.

    Raises OSError, and Damaged if nothing in it can be read.
    """
    head = read_head(path, stores)
    name = path.lower()
    plain = name.removesuffix(next((suffix for suffix in PACKED_NAMES if name.endswith(suffix)), ""))
    columns = columnar(head.data)
    if columns and head.packed:
        raise Damaged(Reason.FILE_COMPRESSION.at(path, "a Parquet or Arrow file inside a compressed file cannot be read; unpack it"))
    if columns:
        return columns
    if plain.endswith(".parquet"):
        return "parquet"  # its reader reports what is wrong
    if head.data and not begins_like_json(head.data):
        if plain.endswith(ARROW_NAMES):
            return "arrow"
        if plain != name and not head.packed:
            raise Damaged(_codec_named(name).at(path, f"the file is named {name[len(plain) :]}, but does not begin like such a file"))
    if encoding := other_encoding(head.data, head.is_all):
        raise Damaged(Reason.FILE_ENCODING.at(path, encoding))
    shape = shape_of(head.data, head.is_all, plain.endswith(LINE_NAMES))
    is_list = head.data.removeprefix(BOM).lstrip(BLANK).startswith(b"[")
    may_be_session = records == "auto" and shape == ("array" if is_list else "lines")  # where each line is a list, each is a record
    return "file" if records == "file" or (may_be_session and session_of(head.data) is not None) else shape


def begins_like_json(data: bytes) -> bool:
    """Whether an object or a list begins here, in any encoding."""
    text = data.removeprefix(BOM).lstrip(BLANK + b"\0")
    return text.startswith((b"{", b"[")) or re.match(rb"(\xff\xfe|\xfe\xff|\0\0\xfe\xff)[\0 \t\r\n]*[\[{]", data) is not None


def columnar(data: bytes) -> Kind | None:
    if data.startswith(b"PAR1"):
        return "parquet"
    if data.startswith(b"ARROW1"):
        return "arrow"
    # A stream begins with 0xFFFFFFFF and the length of its schema, a multiple of 8 below 64 MiB.
    is_stream = data.startswith(b"\xff\xff\xff\xff") and len(data) >= 8 and data[4] % 8 == 0 and data[7] == 0 and data[4:8] != b"\0\0\0\0"
    return "arrow_stream" if is_stream else None


def _codec_named(name: str) -> Reason:
    return next(codec.corrupt for codec in CODECS if name.endswith(codec.suffix))
