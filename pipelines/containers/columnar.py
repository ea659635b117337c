"""Parquet and Arrow files -> the JSON of every row, batch by batch."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.containers.chunks import Damaged
from pipelines.containers.rows import refuse_doubled, rows_as_json
from pipelines.reasons import Reason
from pipelines.storage.locations import is_uri
from pipelines.storage.opening import open_file
from pipelines.storage.stores import ENVIRONMENT, Stores
from pipelines.tables.parquet import read_in_batches

ROWS = 64
MAGIC = b"PAR1"


def parquet_rows(path: str, columns: Mapping[str, Any], stores: Stores = ENVIRONMENT) -> Iterator[bytes]:
    """The JSON of every row; `columns` are those of its folders. Raises Damaged if the file is incomplete, damaged or not Parquet."""
    try:
        with open_file(path, stores) as stream:
            is_parquet = stream.read(4) == MAGIC
        if not is_parquet:
            raise Damaged(Reason.FILE_FORMAT_MISMATCH.at(path, "the file is named .parquet, but does not begin with PAR1"))
        # pyarrow opens a local file faster by itself. Of an object, the column chunks are fetched together.
        with pq.ParquetFile(open_file(path, stores), pre_buffer=True) if is_uri(path) else pq.ParquetFile(path) as file:
            refuse_doubled(file.schema_arrow, path, Reason.FILE_PARQUET_CORRUPT)
            for batch in read_in_batches(file, ROWS):
                yield from rows_as_json(batch, columns)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(error, path, Reason.FILE_PARQUET_CORRUPT) from None


def arrow_rows(path: str, columns: Mapping[str, Any], is_stream: bool, stores: Stores = ENVIRONMENT) -> Iterator[bytes]:
    """The JSON of every row of an Arrow IPC file or stream. Raises Damaged if it is incomplete or damaged; earlier batches are complete."""
    try:
        # A local file is not mapped into memory: if it shrank while it is read, the process would be killed.
        with pa.PythonFile(open_file(path, stores)) if is_uri(path) else pa.OSFile(path) as source:
            opened = pa.ipc.open_stream(source) if is_stream else pa.ipc.open_file(source)
            refuse_doubled(opened.schema, path, Reason.FILE_CORRUPT)
            batches: Iterable[pa.RecordBatch] = opened if is_stream else (opened.get_batch(i) for i in range(opened.num_record_batches))
            for batch in batches:
                for column in batch.columns:
                    _validate(column)
                for start in range(0, batch.num_rows, ROWS):
                    yield from rows_as_json(batch.slice(start, ROWS), columns)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(error, path, Reason.FILE_CORRUPT) from None


def _validate(array: pa.Array) -> None:
    """Raises ArrowInvalid if the array points outside its buffers. Text that is not UTF-8 is allowed: it is the fault of one row, found later.

    Arrow stops at such text and does not check what follows it. That is checked here, part by part.
    """
    try:
        array.validate(full=True)
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise
        for part in _parts(array):
            _validate(part)


def _parts(array: pa.Array) -> list[pa.Array]:
    """The parts of a nested array, once the way to them has been checked; none for plain text."""
    kind = array.type
    if pa.types.is_struct(kind):
        return [array.field(i) for i in range(kind.num_fields)]
    if pa.types.is_dictionary(kind):
        array.indices.validate(full=True)
        return [array.dictionary]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        shape = pa.LargeListArray if pa.types.is_large_list(kind) else pa.ListArray
        shape.from_arrays(array.offsets, pa.nulls(len(array.values))).validate(full=True)
        return [array.values]
    if pa.types.is_fixed_size_list(kind):
        return [array.values]
    if kind.num_fields:
        raise pa.ArrowInvalid(f"a column of type {kind} contains text that is not UTF-8")
    return []


def _damaged(error: Exception, path: str, reason: Reason) -> Exception:
    if isinstance(error, OSError) and error.errno in (errno.ENOENT, errno.ESTALE):  # it is gone, or another object has taken its place
        return error
    return Damaged(reason.at(path, (str(error).splitlines() or [type(error).__name__])[0][:300]))
