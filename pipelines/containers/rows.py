"""Rows of Parquet and Arrow -> records: each row as JSON with sorted keys, UTF-8, no spaces, binary as base64, maps as objects."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from pipelines.containers.chunks import Damaged
from pipelines.reasons import Reason


def rows_as_json(batch: pa.RecordBatch, columns: Mapping[str, Any]) -> Iterator[bytes]:
    """The JSON of every row, with the columns from its folders' names if the row has no value for them."""
    has_text = any(map(_has_binary_text, batch.schema))
    for row in _rows(batch):
        more = {name: value for name, value in columns.items() if row.get(name) is None}
        yield json_bytes((_with_text(row) if has_text else row) | more)


# Names of fields that contain text. Some writers (Impala, Hive, old Spark) do not mark text columns as text.
_TEXT_NAMES = frozenset(
    ("role", "from", "content", "value", "text", "messages", "conversations", "arguments", "tools", "system", "name", "id", "episode_id", "step_id")
)


def _has_binary_text(field: pa.Field) -> bool:
    kind = field.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return field.name in _TEXT_NAMES
    return not pa.types.is_dictionary(kind) and any(_has_binary_text(kind.field(i)) for i in range(kind.num_fields))


def _with_text(value: Any, name: str = "") -> Any:
    """The value with bytes as text under these names; bytes that are not UTF-8 stay bytes."""
    if isinstance(value, dict):
        return {key: _with_text(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_text(item, name) for item in value]
    if isinstance(value, bytes) and name in _TEXT_NAMES:
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return value


def json_bytes(row: Mapping[str, Any]) -> bytes:
    text = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain)
    return text.encode("utf-8", "surrogateescape")


def refuse_doubled(fields: Iterable[pa.Field], path: str, reason: Reason) -> None:
    """Raises Damaged if two columns have the same name: as JSON, a row would keep only the last."""
    fields = list(fields)
    names = [field.name for field in fields]
    if len(set(names)) < len(names):
        doubled = next(name for name in names if names.count(name) > 1)
        raise Damaged(reason.at(path, f"{names.count(doubled)} columns have the name {doubled!r}"))
    for field in fields:
        inner = field.type.num_fields if not pa.types.is_dictionary(field.type) else 0
        refuse_doubled([field.type.field(i) for i in range(inner)], path, reason)


# Errors for values that Python's own types cannot hold: text that is not UTF-8, times before year 1 or after 9999, unknown time zones.
_UNHELD = (ValueError, OverflowError, KeyError, pa.ArrowException)


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    try:
        return _held(batch)
    except _UNHELD:
        # Row by row, so that only the row with such a value changes.
        return [_row(batch.slice(i, 1)) for i in range(batch.num_rows)]


def _row(batch: pa.RecordBatch) -> dict[str, Any]:
    try:
        return _held(batch)[0]
    except _UNHELD:
        return {field.name: _loose(batch.column(i)[0]) for i, field in enumerate(batch.schema)}


def _held(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """The rows with maps as dicts. Raises KeyError if a map has a key twice: the dict would lose a value."""
    columns = [column.to_pylist(maps_as_pydicts="strict" if _are_named(column.type) else None) for column in batch.columns]
    names = batch.schema.names
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _are_named(kind: pa.DataType) -> bool:
    """Whether all maps in this type have text as keys, as objects have. Others stay lists of pairs."""
    if pa.types.is_map(kind) and not _is_text(kind.key_type):
        return False
    return all(_are_named(kind.field(i).type) for i in range(0 if pa.types.is_dictionary(kind) else kind.num_fields))


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _loose(scalar: pa.Scalar) -> Any:
    """The value. Text that is not UTF-8 keeps its bytes, so that the parser refuses this row; a time that Python cannot hold becomes a number."""
    kind = scalar.type
    if not scalar.is_valid:
        return None
    if isinstance(scalar, pa.DictionaryScalar):
        return _loose(scalar.value)
    if isinstance(scalar, pa.BinaryScalar) and not isinstance(scalar, pa.FixedSizeBinaryScalar):
        data = scalar.as_buffer().to_pybytes()
        return data.decode("utf-8", "surrogateescape") if _is_text(kind) else data
    if pa.types.is_struct(kind):
        return {kind.field(i).name: _loose(scalar[i]) for i in range(kind.num_fields)}
    if pa.types.is_map(kind):
        pairs = [(_loose(item["key"]), _loose(item["value"])) for item in scalar.values]
        return dict(pairs) if _is_text(kind.key_type) and len({key for key, _ in pairs}) == len(pairs) else pairs
    if isinstance(scalar, pa.ListScalar):
        return [_loose(item) for item in scalar.values]
    try:
        return scalar.as_py()
    except _UNHELD:
        return scalar.cast(pa.int32() if pa.types.is_date32(kind) or pa.types.is_time32(kind) else pa.int64()).as_py()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)
