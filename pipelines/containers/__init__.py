"""Files -> RawRecords, in bounded memory: JSON Lines, an array or objects over many lines, compressed or not, Parquet and Arrow."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from pipelines.config import Limits
from pipelines.containers.chunks import CHUNK, Damaged, codec_of, read_chunks
from pipelines.containers.columnar import arrow_rows, parquet_rows
from pipelines.containers.kinds import kind_of
from pipelines.containers.listing import InputFile
from pipelines.containers.pieces import Piece, elements_of, is_blank, lines_of, objects_of
from pipelines.reasons import Reason
from pipelines.records import Finding, Origin, RawRecord, raw_record
from pipelines.visible import counted


class LineSplit(NamedTuple):
    """The lines of a plain JSON Lines file that begin in [start, end); end -1 is the whole file, of any kind."""

    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Survey:
    """A file's hash, and the splits to read it in, each with the number of its first line."""

    sha256: str
    splits: tuple[tuple[LineSplit, int], ...]


def read_records(file: InputFile, limits: Limits) -> Iterator[RawRecord]:
    """Every record of the file. If it is damaged, one row with line 0 follows the complete records that could be read.

    A file that has changed since it was listed is not read, but left to the next run; its one row says so.
    """
    if changed := _change(file):
        yield damaged_row(file, changed)
        return
    try:
        for line, (raw, findings) in _numbered(file, limits):
            yield raw_record(file.source, file.path, line, raw, findings)
        changed = _change(file)
    except Damaged as damage:
        changed = damage.finding
    except OSError as error:
        changed = _change(file) or Reason.FILE_CORRUPT.at(file.path, error.strerror or type(error).__name__)
    if changed:
        yield damaged_row(file, changed)


def read_split(file: InputFile, split: LineSplit, first_line: int, limits: Limits) -> Iterator[RawRecord]:
    """The records of one split of a plain JSON Lines file: those whose line begins in it."""
    changed = _change(file)
    if not changed:
        pieces = lines_of(_range_chunks(split), limits.line_bytes)
        for line, (raw, findings) in zip(count(first_line), pieces, strict=False):
            if not is_blank(raw):
                yield raw_record(file.source, file.path, line, raw, findings)
        changed = _change(file)
    if changed and split.start == 0:
        yield damaged_row(file, changed)


def survey_file(file: InputFile, split_bytes: int) -> Survey:
    """Reads the bytes of the file once. A plain JSON Lines file over `split_bytes` gets several splits; any other file gets one."""
    whole = ((LineSplit(file.path, 0, -1), 1),)
    digest = hashlib.sha256()
    starts: list[tuple[int, int]] = [(0, 1)]
    try:
        splittable = file.size > split_bytes and _is_splittable(file.path)
        with open(file.path, "rb") as stream:
            lines = offset = 0
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                if splittable and offset >= starts[-1][0] + split_bytes and (newline := chunk.find(b"\n")) >= 0:
                    starts.append((offset + newline + 1, lines + 2))
                lines += chunk.count(b"\n")
                offset += len(chunk)
    except OSError:
        return Survey("", whole)  # reading it will report what happened
    if len(starts) == 1:
        return Survey(digest.hexdigest(), whole)
    ends = [start for start, _ in starts[1:]] + [offset]
    return Survey(digest.hexdigest(), tuple((LineSplit(file.path, start, end), line) for (start, line), end in zip(starts, ends, strict=True)))


def damaged_row(file: InputFile, finding: Finding) -> RawRecord:
    """The row of a file that cannot be read to its end: line 0, no bytes, and the hash of the file as it is now."""
    digest = hashlib.sha256()
    try:
        with open(file.path, "rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
    except OSError:
        pass  # it was deleted; the finding says so
    record_id = hashlib.sha256(f"{file.source}\0{file.path}\0{digest.hexdigest()}".encode()).hexdigest()
    return RawRecord(Origin(file.source, file.path, 0, digest.hexdigest()), record_id, b"", (finding,))


def _numbered(file: InputFile, limits: Limits) -> Iterator[tuple[int, Piece]]:
    """Every record with its number: its line, or its position in a file without lines. Both begin at 1."""
    kind = kind_of(file.path)
    pieces: Iterator[Piece]
    if kind == "parquet":
        pieces = ((row, ()) for row in parquet_rows(file.path, json.loads(file.columns)))
    elif kind in ("arrow", "arrow_stream"):
        pieces = ((row, ()) for row in arrow_rows(file.path, json.loads(file.columns), kind == "arrow_stream"))
    elif kind == "lines":
        pieces = lines_of(read_chunks(file.path), limits.line_bytes)
    else:
        pieces = (elements_of if kind == "array" else objects_of)(read_chunks(file.path), limits.line_bytes, file.path)
    for line, piece in enumerate(pieces, 1):
        if kind != "lines" or not is_blank(piece[0]):
            yield line, piece


def _is_splittable(path: str) -> bool:
    """Whether reading can start in the middle of the file."""
    with open(path, "rb") as stream:
        packed = codec_of(stream.read(512))
    try:
        return packed is None and kind_of(path) == "lines"
    except Damaged:
        return False


def _range_chunks(split: LineSplit) -> Iterator[bytes]:
    with open(split.path, "rb") as stream:
        stream.seek(split.start)
        left = split.end - split.start
        while left > 0 and (chunk := stream.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk


def _change(file: InputFile) -> Finding | None:
    try:
        stat = os.stat(file.path)
    except OSError as error:
        size = f" with {counted(file.size, 'byte')}" if file.size >= 0 else ""
        return Reason.FILE_CHANGED_WHILE_READING.at(file.path, f"the file was listed{size}, but cannot be opened now: {error.strerror}")
    if (stat.st_size, stat.st_mtime_ns) != (file.size, file.modified):
        return Reason.FILE_CHANGED_WHILE_READING.at(file.path, f"the file had {counted(file.size, 'byte')} when it was listed, and has {stat.st_size:,} now")
    return None
