"""Records <-> the rows of the published tables: the same columns and types in every dialect and every split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from pipelines.config import Split
from pipelines.reasons import repairs_of
from pipelines.records import Conversation, Draft, Finding, ImageTokens, Message, Noun, Outcome, Quarantined, Sample
from pipelines.split import side_of

Row = dict[str, Any]


def struct(**fields: pa.DataType) -> pa.StructType:
    return pa.struct(list(fields.items()))


text, integer, long = pa.string(), pa.int32(), pa.int64()
ORIGIN = struct(source=text, path=text, line=long, sha256=text)
FINDINGS = pa.list_(struct(code=text, stage=text, where=text, detail=text))
UNREAD = pa.list_(struct(key=text, count=long))  # keys of a draft that nothing reads
MESSAGES = pa.list_(struct(role=text, metadata=text, content=text, image_at=pa.list_(integer), loss_weight=pa.float32()))
IMAGE = {"uri": text, "sha256": text, "format": text, "width": integer, "height": integer}
GRID = struct(columns=integer, rows=integer)
SPANS = pa.list_(struct(start=integer, end=integer))
TURN_SPANS = pa.list_(struct(message=integer, role=text, start=integer, end=integer, weight=pa.float32()))
TARGET_SIZES = pa.list_(struct(height=integer, width=integer))

CONVERSATIONS = struct(
    sample_id=text,
    record_id=text,
    episode_id=text,
    step_id=text,
    origin=ORIGIN,
    format=text,
    messages=MESSAGES,
    tools=text,
    images=pa.list_(struct(**IMAGE)),
    extra=text,
    repairs=pa.list_(text),
    findings=FINDINGS,
    split=text,
    batch=text,
)
# attention_mask and position_ids follow from num_tokens; pipelines/tables/writing.py adds them when it writes the rows.
SAMPLES = struct(
    sample_id=text,
    record_id=text,
    episode_id=text,
    step_id=text,
    origin=ORIGIN,
    input_ids=pa.list_(integer),
    labels=pa.list_(integer),
    images=pa.list_(struct(**IMAGE, grid=GRID, token_spans=SPANS, target_sizes=TARGET_SIZES)),
    window=integer,
    turn_spans=TURN_SPANS,
    num_tokens=integer,
    num_target_tokens=integer,
    repairs=pa.list_(text),
    findings=FINDINGS,
    dialect=text,
    split=text,
    batch=text,
)
QUARANTINE = struct(
    record_id=text,
    sample_id=text,
    dialect=text,
    origin=ORIGIN,
    stage=text,
    reason=text,
    findings=FINDINGS,
    raw=pa.binary(),
    episode_id=text,
    run_id=text,
    batch=text,
)
IMAGES = struct(
    uri=text,
    size=long,
    modified=long,
    sha256=text,
    format=text,
    width=integer,
    height=integer,
    verdict=text,
    reason=text,
    detail=text,
    level=text,
    difference_hash=long,
)
moment = pa.timestamp("us", tz="UTC")
# One row per input file of a run, in `_runs/<run_id>/inputs.parquet`.
INPUTS = struct(
    **{"source": text, "path": text, "size": long, "modified": long, "sha256": text, "records": long},
    **{"conversations": long, "quarantined": long, "duplicates": long, "damaged": long},
    kept=long,  # records with a conversation, of which each may have several
    filtered=long,
    superseded=long,
)
RUNS = struct(
    version=long,  # the version of this table that added the row: it orders the rows, whatever the clocks say
    run_id=text,
    batch=text,
    kind=text,  # batch: made from its input files; redrive: some of its rows made again from the bytes that were kept
    versions=pa.map_(text, long),  # of each table with this run's rows, unless somebody else commits in between
    files=pa.map_(text, pa.list_(text)),  # of the Parquet tables of version 0.1.0
    states=pa.map_(text, long),
    quarantined_share=pa.float64(),
    reasons=pa.map_(text, long),
    sources=pa.map_(text, struct(files=long, records=long)),
    inputs_sha256=text,  # of the source, path and sha256 of every input file
    code=text,
    config=text,
    tokenizers=pa.map_(text, text),
    settings=text,  # JSON of `ledger.reader_settings`: what a reader must know to train on the rows
    started=moment,
    finished=moment,
    opened=struct(by=text, at=moment, reason=text, gates=pa.list_(text)),  # where a gate failed: who published the run all the same, and why
)
PARTITIONS = {"conversations": ["split", "batch"], "samples": ["dialect", "split", "batch"], "quarantine": ["batch"], "images": [], "runs": []}
TABLES = {"conversations": CONVERSATIONS, "samples": SAMPLES, "quarantine": QUARANTINE}
MASKS = ("attention_mask", "position_ids")
_AFTER_LABELS = SAMPLES.get_field_index("labels") + 1
_MASK_FIELDS = [pa.field(name, pa.list_(integer)) for name in MASKS]
# As published, with the columns that pipelines/tables/writing.py adds.
COLUMNS = TABLES | {"samples": pa.struct([*list(SAMPLES)[:_AFTER_LABELS], *_MASK_FIELDS, *list(SAMPLES)[_AFTER_LABELS:]]), "images": IMAGES, "runs": RUNS}


def table_of(outcome: Outcome) -> str:
    return "conversations" if isinstance(outcome, Conversation) else "samples" if isinstance(outcome, Sample) else "quarantine"


def row_of(outcome: Outcome, batch: str, run_id: str, split: Split) -> tuple[str, Row]:
    """The table of an outcome, and its row as a reader of the table sees it; `input_ids` and `labels` stay arrays."""
    table, row = table_of(outcome), entries_of(outcome, run_id)
    values = {field.name: getter_of(row, field.name)(row) for field in TABLES[table] if field.name not in PARTITIONS[table]}
    return table, {name: _as_builtins(value) for name, value in (values | partition_of(outcome, batch, split)).items()}


def entries_of(outcome: Outcome, run_id: str) -> Conversation | Sample | Row:
    """What columns are made from: the outcome itself, or the row of a table with more columns than its outcome has fields."""
    return _quarantine_row(outcome, run_id) if isinstance(outcome, Quarantined) else outcome


def getter_of(row: Any, column: str) -> Callable[[Any], Any]:
    """A function that takes the value of this column from such a row, an outcome or a dict."""
    return itemgetter(column) if isinstance(row, dict) else _GETTERS[type(row)][column]


def partition_of(outcome: Outcome, batch: str, split: Split) -> dict[str, str]:
    """The values of the partition columns, in order."""
    if isinstance(outcome, Quarantined):
        return {"batch": batch}
    conversation = outcome if isinstance(outcome, Conversation) else outcome.conversation
    side = side_of(getattr(conversation, split.by), split)
    return {"split": side, "batch": batch} if isinstance(outcome, Conversation) else {"dialect": outcome.dialect, "split": side, "batch": batch}


def message_row(message: Message) -> Row:
    """The fields of a message that tables have."""
    return {field.name: getattr(message, field.name) for field in MESSAGES.value_type}


def _as_builtins(value: Any) -> Any:
    """Records and named tuples as dicts, as Parquet returns them, and other sequences as lists."""
    if isinstance(value, Message):
        value = message_row(value)
    elif isinstance(value, Noun):
        value = msgspec.structs.asdict(value)
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {name: _as_builtins(inner) for name, inner in value.items()}
    return [_as_builtins(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _sample_findings(sample: Sample) -> tuple[Finding, ...]:
    return (*sample.conversation.findings, *sample.tokens.findings)


# Columns are made directly from outcomes: making a dict for each row first would double the time.
_SHARED = ("sample_id", "record_id", "episode_id", "step_id", "origin")
_GETTERS: dict[type, dict[str, Callable[[Any], Any]]] = {
    Conversation: {name: attrgetter(name) for name in (*_SHARED, "format", "messages", "tools", "images", "findings", "extra")}
    | {"repairs": lambda conversation: repairs_of(conversation.findings)},
    Sample: {name: attrgetter(f"conversation.{name}") for name in _SHARED}
    | {name: attrgetter(name) for name in ("sample_id", "window")}
    | {name: attrgetter(f"tokens.{name}") for name in ("input_ids", "labels", "turn_spans", "num_target_tokens")}
    | {
        "images": lambda sample: [_image_row(image) for image in sample.tokens.images],
        "num_tokens": lambda sample: len(sample.tokens.input_ids),
        "repairs": lambda sample: repairs_of(_sample_findings(sample)),
        "findings": _sample_findings,
    },
}


def _image_row(tokens: ImageTokens) -> Row:
    return tokens.image._asdict() | {"grid": tokens.grid, "token_spans": tokens.token_spans, "target_sizes": tokens.target_sizes}


def _quarantine_row(row: Quarantined, run_id: str) -> Row:
    first = row.findings[0]
    return {
        "record_id": row.raw.record_id,
        "sample_id": row.sample_id,
        "dialect": row.dialect,
        "origin": row.raw.origin,
        "stage": first.stage,
        "reason": first.code,
        "findings": row.findings,
        "raw": row.raw.raw if row.raw.origin.line else None,
        "episode_id": row.episode_id,
        "run_id": run_id,
    }


def array_of(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """These values as one Arrow array: records, named tuples and dicts as structs; int32 arrays are copied without Python ints."""
    is_struct = pa.types.is_struct(kind)
    if not is_struct and not pa.types.is_list(kind):
        return pa.array(values, type=kind)
    known = [value for value in values if value is not None]
    is_flat = bool(known) and isinstance(known[0], np.ndarray)
    if not known or not (is_struct or is_flat or pa.types.is_struct(kind.value_type)):
        return pa.array(values, type=kind)
    nulls = pa.array([value is None for value in values], type=pa.bool_()) if len(known) < len(values) else None
    if is_struct:
        fields = list(kind)
        columns = [_entries(values if nulls else known, field.name, nulls is not None) for field in fields]
        return pa.StructArray.from_arrays([array_of(column, field.type) for column, field in zip(columns, fields, strict=True)], fields=fields, mask=nulls)
    offsets = np.zeros(len(values) + 1, dtype=np.int32)
    np.cumsum(list(map(len, known)) if nulls is None else [0 if value is None else len(value) for value in values], out=offsets[1:])
    inner = pa.array(np.concatenate(known), type=kind.value_type) if is_flat else array_of(list(chain.from_iterable(known)), kind.value_type)
    return pa.ListArray.from_arrays(pa.array(offsets), inner, type=kind, mask=nulls)


def _entries(values: Sequence[Any], name: str, with_nulls: bool) -> list[Any]:
    """This field of each of these records, named tuples or dicts."""
    first = next(value for value in values if value is not None)
    get = itemgetter(name) if isinstance(first, dict) else attrgetter(name)
    return [None if value is None else get(value) for value in values] if with_nulls else list(map(get, values))


def draft_to_bytes(draft: Draft) -> bytes:
    """A draft as bytes, between two Spark stages."""
    return _ENCODER.encode(draft)


def draft_from_bytes(data: bytes) -> Draft:
    """Raises msgspec.ValidationError where these bytes are not a draft."""
    return _DECODER.decode(data)


_ENCODER, _DECODER = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Draft)
