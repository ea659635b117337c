"""Files -> RawRecords, in bounded memory: JSON Lines, an array or objects over many lines, compressed or not, Parquet and Arrow."""

from __future__ import annotations

import hashlib
import json
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
from pipelines.containers.whole_files import records_of_file
from pipelines.reasons import Reason
from pipelines.records import Finding, Origin, RawRecord, raw_record
from pipelines.storage.opening import open_file, stat_file
from pipelines.storage.stores import ENVIRONMENT, Stores
from pipelines.visible import counted


class LineSplit(NamedTuple):
    """The lines of a plain JSON Lines file that begin in [start, end); end -1 is the whole file, of any kind."""

    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Survey:
    """A file's hash, or the version that its store gives, and the splits to read it in, each with the number of its first line."""

    sha256: str
    splits: tuple[tuple[LineSplit, int], ...]


def read_records(file: InputFile, limits: Limits, stores: Stores = ENVIRONMENT) -> Iterator[RawRecord]:
    """Every record of the file. If it is damaged, one row with line 0 follows the complete records that could be read.

    A file that has changed since it was listed is not read, but left to the next run; its one row says so.
    """
    if changed := _change(file, stores):
        yield damaged_row(file, changed, stores)
        return
    try:
        for line, (raw, findings) in _numbered(file, limits, stores):
            yield raw_record(file.source, file.path, line, raw, findings)
        changed = _change(file, stores)
    except Damaged as damage:
        changed = damage.finding
    except OSError as error:
        changed = _change(file, stores) or Reason.FILE_CORRUPT.at(file.path, error.strerror or type(error).__name__)
    if changed:
        yield damaged_row(file, changed, stores)


def read_split(file: InputFile, split: LineSplit, first_line: int, limits: Limits, stores: Stores = ENVIRONMENT) -> Iterator[RawRecord]:
    """The records of one split of a plain JSON Lines file: those whose line begins in it."""
    changed = _change(file, stores)
    if not changed:
        pieces = lines_of(_range_chunks(split, stores), limits.line_bytes)
        for line, (raw, findings) in zip(count(first_line), pieces, strict=False):
            if not is_blank(raw):
                yield raw_record(file.source, file.path, line, raw, findings)
        changed = _change(file, stores)
    if changed and split.start == 0:
        yield damaged_row(file, changed, stores)


def survey_file(file: InputFile, split_bytes: int, stores: Stores = ENVIRONMENT) -> Survey:
    """Reads the bytes of the file once. A plain JSON Lines file over `split_bytes` gets several splits; any other file gets one.

    An object with a version is not read to be hashed: `sha256` is then the text `etag:...` or `version:...`, which changes whenever the
    bytes do. Batches are compared by this text as by a hash. An object that was written again may count as changed even if its bytes are
    the same, because some stores compute the etag from more than the bytes.
    """
    whole = ((LineSplit(file.path, 0, -1), 1),)
    digest = hashlib.sha256()
    starts: list[tuple[int, int]] = [(0, 1)]
    try:
        splittable = file.size > split_bytes and _is_splittable(file, stores)
        if file.version and not splittable:
            return Survey(file.version, whole)
        with open_file(file.path, stores) as stream:
            lines = offset = 0
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                if splittable and offset >= starts[-1][0] + split_bytes and (newline := chunk.find(b"\n")) >= 0:
                    starts.append((offset + newline + 1, lines + 2))
                lines += chunk.count(b"\n")
                offset += len(chunk)
    except OSError:
        return Survey("", whole)  # reading it will report what happened
    identity = file.version or digest.hexdigest()
    if len(starts) == 1:
        return Survey(identity, whole)
    ends = [start for start, _ in starts[1:]] + [offset]
    return Survey(identity, tuple((LineSplit(file.path, start, end), line) for (start, line), end in zip(starts, ends, strict=True)))


def damaged_row(file: InputFile, finding: Finding, stores: Stores = ENVIRONMENT) -> RawRecord:
    """The row of a file that cannot be read to its end: line 0, no bytes, and the hash of the file as it is now."""
    digest = hashlib.sha256()
    try:
        with open_file(file.path, stores) as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
    except OSError:
        pass  # it was deleted; the finding says so
    record_id = hashlib.sha256(f"{file.source}\0{file.path}\0{digest.hexdigest()}".encode()).hexdigest()
    return RawRecord(Origin(file.source, file.path, 0, digest.hexdigest()), record_id, b"", (finding,))


def _numbered(file: InputFile, limits: Limits, stores: Stores) -> Iterator[tuple[int, Piece]]:
    """Every record with its number: its line, or its position in a file without lines. Both begin at 1."""
    kind = kind_of(file.path, stores, file.records)
    pieces: Iterator[Piece]
    if kind == "parquet":
        pieces = ((row, ()) for row in parquet_rows(file.path, json.loads(file.columns), stores))
    elif kind in ("arrow", "arrow_stream"):
        pieces = ((row, ()) for row in arrow_rows(file.path, json.loads(file.columns), kind == "arrow_stream", stores))
    elif kind == "file":
        yield from records_of_file(read_chunks(file.path, stores=stores), limits.line_bytes)
        return
    elif kind == "lines":
        pieces = lines_of(read_chunks(file.path, stores=stores), limits.line_bytes)
    else:
        pieces = (elements_of if kind == "array" else objects_of)(read_chunks(file.path, stores=stores), limits.line_bytes, file.path)
    for line, piece in enumerate(pieces, 1):
        if kind != "lines" or not is_blank(piece[0]):
            yield line, piece


def _is_splittable(file: InputFile, stores: Stores) -> bool:
    """Whether reading can start in the middle of the file."""
    with open_file(file.path, stores) as stream:
        packed = codec_of(stream.read(512))
    try:
        return packed is None and kind_of(file.path, stores, file.records) == "lines"
    except Damaged:
        return False


def _range_chunks(split: LineSplit, stores: Stores) -> Iterator[bytes]:
    with open_file(split.path, stores) as stream:
        stream.seek(split.start)
        left = split.end - split.start
        while left > 0 and (chunk := stream.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk


def _change(file: InputFile, stores: Stores) -> Finding | None:
    try:
        now = stat_file(file.path, stores)
    except OSError as error:
        size = f" with {counted(file.size, 'byte')}" if file.size >= 0 else ""
        return Reason.FILE_CHANGED_WHILE_READING.at(file.path, f"the file was listed{size}, but cannot be opened now: {error.strerror}")
    # A store gives the time to the second in one answer and to the millisecond in another: if there is a version, it alone decides.
    if (now.version or (now.size, now.modified)) != (file.version or (file.size, file.modified)):
        return Reason.FILE_CHANGED_WHILE_READING.at(file.path, f"the file had {counted(file.size, 'byte')} when it was listed, and has {now.size:,} now")
    return None
