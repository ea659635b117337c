"""Files -> RawRecords: JSON Lines, a JSON array, both gzipped, Parquet. Bytes are read as bytes, and memory is bounded."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from pipelines.config import Limits
from pipelines.containers.chunks import CHUNK, GZIP_MAGIC, Damaged, read_chunks
from pipelines.containers.listing import InputFile
from pipelines.containers.parquet import rows_of
from pipelines.containers.pieces import BLANK, BOM, Piece, elements_of, is_blank, lines_of
from pipelines.reasons import Reason
from pipelines.records import Finding, Origin, RawRecord, raw_record


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
    """Every record of the file; where it is damaged, one row with line 0 after the whole records that could be read.

    A file that is not as it was listed is not read: it is put off, and said so.
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
    """One pass over the file's bytes. A plain JSON Lines file over `split_bytes` gets several splits; any other is read as one."""
    whole = ((LineSplit(file.path, 0, -1), 1),)
    digest = hashlib.sha256()
    starts: list[tuple[int, int]] = [(0, 1)]
    try:
        splittable = file.size > split_bytes and _kind(file.path) == "lines" and not _is_gzip(file.path)
        with open(file.path, "rb") as stream:
            lines = offset = 0
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                if splittable and offset >= starts[-1][0] + split_bytes and (newline := chunk.find(b"\n")) >= 0:
                    starts.append((offset + newline + 1, lines + 2))
                lines += chunk.count(b"\n")
                offset += len(chunk)
    except OSError:
        return Survey("", whole)  # reading it will say what happened
    if len(starts) == 1:
        return Survey(digest.hexdigest(), whole)
    ends = [start for start, _ in starts[1:]] + [offset]
    return Survey(digest.hexdigest(), tuple((LineSplit(file.path, start, end), line) for (start, line), end in zip(starts, ends, strict=True)))


def damaged_row(file: InputFile, finding: Finding) -> RawRecord:
    """The row of a file that cannot be read to its end: line 0, no bytes, the hash of the file as it stands."""
    digest = hashlib.sha256()
    try:
        with open(file.path, "rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
    except OSError:
        pass  # it vanished; the finding says so
    record_id = hashlib.sha256(f"{file.source}\0{file.path}\0{digest.hexdigest()}".encode()).hexdigest()
    return RawRecord(Origin(file.source, file.path, 0, digest.hexdigest()), record_id, b"", (finding,))


def _numbered(file: InputFile, limits: Limits) -> Iterator[tuple[int, Piece]]:
    kind = _kind(file.path)
    if kind == "parquet":
        pieces: Iterator[Piece] = ((row, ()) for row in rows_of(file.path))
    elif kind == "array":
        pieces = elements_of(read_chunks(file.path), limits.line_bytes, file.path)
    else:
        pieces = lines_of(read_chunks(file.path), limits.line_bytes)
    for line, piece in enumerate(pieces, 1):
        if kind != "lines" or not is_blank(piece[0]):
            yield line, piece


def _kind(path: str) -> str:
    """lines, array or parquet. A file whose first non-blank byte is `[` and whose name does not end in .jsonl is an array."""
    name = path.lower().removesuffix(".gz")
    with open(path, "rb") as stream:
        head = stream.read(4)
    if name.endswith(".parquet") or head == b"PAR1":
        return "parquet"
    if name.endswith((".jsonl", ".ndjson")):
        return "lines"
    try:
        for chunk in read_chunks(path):
            if text := chunk.removeprefix(BOM).lstrip(BLANK):
                return "array" if text.startswith(b"[") else "lines"
    except Damaged:
        pass  # reading it will say what is wrong
    return "lines"


def _is_gzip(path: str) -> bool:
    with open(path, "rb") as stream:
        return stream.read(2) == GZIP_MAGIC


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
        listed = f"listed with {file.size} bytes, then" if file.size >= 0 else "listed, and could not be looked at"
        return Reason.FILE_CHANGED_WHILE_READING.at(file.path, f"{listed}: {error.strerror}")
    if (stat.st_size, stat.st_mtime_ns) != (file.size, file.modified):
        return Reason.FILE_CHANGED_WHILE_READING.at(file.path, f"listed with {file.size} bytes, now {stat.st_size}")
    return None
