"""Parquet rows -> records: each row as JSON with sorted keys, UTF-8, no spaces, binary as base64."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.containers.chunks import Damaged
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
            for batch in file.iter_batches(batch_size=ROWS):
                yield from map(_row_bytes, _rows(batch))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise Damaged(Reason.FILE_PARQUET_CORRUPT.at(path, str(error).splitlines()[0][:300])) from None


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    try:
        return batch.to_pylist()
    except UnicodeDecodeError:
        # A text column that is not UTF-8: as bytes, so that the parser can name the row and its neighbours survive.
        columns = [pa.field(field.name, _as_binary(field.type)) for field in batch.schema]
        loose = pa.Table.from_batches([batch]).cast(pa.schema(columns))
        return [{key: _loose_text(value) for key, value in row.items()} for row in loose.to_pylist()]


def _as_binary(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.large_binary()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.large_list(_as_binary(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _as_binary(field.type)) for field in kind])
    return kind


def _loose_text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, list):
        return [_loose_text(item) for item in value]
    return {key: _loose_text(item) for key, item in value.items()} if isinstance(value, dict) else value


def _row_bytes(row: dict[str, Any]) -> bytes:
    text = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain)
    return text.encode("utf-8", "surrogateescape")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else repr(value)
