"""Parquet rows -> records: each row as JSON with sorted keys, UTF-8, no spaces, binary as base64."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.containers.chunks import Damaged
from pipelines.memory import batches_of
from pipelines.reasons import Reason

ROWS = 64
MAGIC = b"PAR1"


def rows_of(path: str) -> Iterator[bytes]:
    """Every row's JSON. Raises Damaged where the file is cut, damaged or no Parquet at all."""
    try:
        with open(path, "rb") as stream:
            is_parquet = stream.read(4) == MAGIC
        if not is_parquet:
            raise Damaged(Reason.FILE_FORMAT_MISMATCH.at(path, "named .parquet, and does not begin with PAR1"))
        with pq.ParquetFile(path) as file:
            _refuse_doubled(file.schema_arrow, path)
            for batch in batches_of(file, ROWS):
                yield from map(_row_bytes, _rows(batch))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise Damaged(Reason.FILE_PARQUET_CORRUPT.at(path, (str(error).splitlines() or [type(error).__name__])[0][:300])) from None


def _refuse_doubled(fields: Iterable[pa.Field], path: str) -> None:
    """Two columns of one name: a row as JSON would hold the last and lose the others."""
    fields = list(fields)
    names = [field.name for field in fields]
    if len(set(names)) < len(names):
        doubled = next(name for name in names if names.count(name) > 1)
        raise Damaged(Reason.FILE_PARQUET_CORRUPT.at(path, f"{names.count(doubled)} columns have the name {doubled!r}"))
    for field in fields:
        inner = field.type.num_fields if not pa.types.is_dictionary(field.type) else 0
        _refuse_doubled([field.type.field(i) for i in range(inner)], path)


# What Python's own types cannot hold: text that is not UTF-8, times before year 1 or after 9999, zones that no table names.
_UNHELD = (ValueError, OverflowError, KeyError, pa.ArrowException)


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    try:
        return batch.to_pylist()
    except _UNHELD:
        # Row by row, so that the neighbours of the one that cannot be held stay as they are.
        return [_row(batch.slice(i, 1)) for i in range(batch.num_rows)]


def _row(batch: pa.RecordBatch) -> dict[str, Any]:
    try:
        return batch.to_pylist()[0]
    except _UNHELD:
        return {field.name: _loose(batch.column(i)[0]) for i, field in enumerate(batch.schema)}


def _loose(scalar: pa.Scalar) -> Any:
    """The value with its bytes where its text is not UTF-8, so that the parser can name the row, and its bare number where it is no time."""
    kind = scalar.type
    if not scalar.is_valid:
        return None
    if isinstance(scalar, pa.BinaryScalar) and not isinstance(scalar, pa.FixedSizeBinaryScalar):
        data = scalar.as_buffer().to_pybytes()
        return data.decode("utf-8", "surrogateescape") if pa.types.is_string(kind) or pa.types.is_large_string(kind) else data
    if pa.types.is_struct(kind):
        return {kind.field(i).name: _loose(scalar[i]) for i in range(kind.num_fields)}
    if isinstance(scalar, pa.ListScalar):  # maps too: lists of key and value
        return [_loose(item) for item in scalar.values]
    try:
        return scalar.as_py()
    except _UNHELD:
        return scalar.cast(pa.int32() if pa.types.is_date32(kind) or pa.types.is_time32(kind) else pa.int64()).as_py()


def _row_bytes(row: dict[str, Any]) -> bytes:
    text = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain)
    return text.encode("utf-8", "surrogateescape")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else repr(value)
