"""Records <-> the rows of the published tables: the same columns and types in every dialect and every split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from pipelines.config import Split
from pipelines.reasons import repairs_of
from pipelines.records import Conversation, Draft, Finding, Image, ImageRef, ImageTokens, Message, Origin, Outcome, Quarantined, Sample
from pipelines.split import side_of

Row = dict[str, Any]


def struct(**fields: pa.DataType) -> pa.StructType:
    return pa.struct(list(fields.items()))


text, integer, long = pa.string(), pa.int32(), pa.int64()
ORIGIN = struct(source=text, path=text, line=long, sha256=text)
FINDINGS = pa.list_(struct(code=text, stage=text, where=text, detail=text))
MESSAGES = pa.list_(struct(role=text, metadata=text, content=text, image_at=pa.list_(integer), loss_weight=pa.float32()))
IMAGE = {"uri": text, "sha256": text, "format": text, "width": integer, "height": integer}
GRID = struct(columns=integer, rows=integer)
SPANS = pa.list_(struct(start=integer, end=integer))
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
    repairs=pa.list_(text),
    findings=FINDINGS,
    split=text,
    batch=text,
)
# attention_mask and position_ids follow from num_tokens: see pipelines/parts.py, which makes them where the rows are written.
SAMPLES = struct(
    sample_id=text,
    record_id=text,
    episode_id=text,
    step_id=text,
    origin=ORIGIN,
    input_ids=pa.list_(integer),
    labels=pa.list_(integer),
    images=pa.list_(struct(**IMAGE, grid=GRID, token_spans=SPANS, target_sizes=TARGET_SIZES)),
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
IMAGES = struct(uri=text, size=long, modified=long, sha256=text, format=text, width=integer, height=integer, verdict=text, reason=text, detail=text, level=text)
moment = pa.timestamp("us", tz="UTC")
INPUTS = pa.list_(
    struct(source=text, path=text, size=long, modified=long, sha256=text, records=long, conversations=long, quarantined=long, duplicates=long, damaged=long)
)
RUNS = struct(
    run_id=text,
    batch=text,
    kind=text,  # batch: made from its input files; redrive: some of its rows made again from their kept bytes
    versions=pa.map_(text, long),
    files=pa.map_(text, pa.list_(text)),
    states=pa.map_(text, long),
    quarantined_share=pa.float64(),
    reasons=pa.map_(text, long),
    inputs=INPUTS,
    code=text,
    config=text,
    tokenizers=pa.map_(text, text),
    started=moment,
    finished=moment,
)
PARTITIONS = {"conversations": ["split", "batch"], "samples": ["dialect", "split", "batch"], "quarantine": ["batch"], "images": [], "runs": []}
TABLES = {"conversations": CONVERSATIONS, "samples": SAMPLES, "quarantine": QUARANTINE}
_AFTER = SAMPLES.get_field_index("labels") + 1
_MADE = [pa.field(name, pa.list_(integer)) for name in ("attention_mask", "position_ids")]
# As published: the rows' columns with those that are made where they are written (pipelines/parts.py).
COLUMNS = TABLES | {"samples": pa.struct([*list(SAMPLES)[:_AFTER], *_MADE, *list(SAMPLES)[_AFTER:]]), "images": IMAGES, "runs": RUNS}


def table_of(outcome: Outcome) -> str:
    return "conversations" if isinstance(outcome, Conversation) else "samples" if isinstance(outcome, Sample) else "quarantine"


def row_of(outcome: Outcome, batch: str, run_id: str, split: Split) -> tuple[str, Row]:
    """The table that an outcome belongs to, and its row there; `input_ids` and `labels` stay arrays."""
    if isinstance(outcome, Conversation):
        return "conversations", _conversation_row(outcome, batch, split)
    if isinstance(outcome, Sample):
        return "samples", _sample_row(outcome, batch, split)
    return "quarantine", _quarantine_row(outcome, batch, run_id)


def _split_key(conversation: Conversation, split: Split) -> str:
    return {"episode_id": conversation.episode_id, "record_id": conversation.record_id, "sample_id": conversation.sample_id}[split.by]


def _shared(conversation: Conversation, batch: str, split: Split) -> Row:
    return {
        "sample_id": conversation.sample_id,
        "record_id": conversation.record_id,
        "episode_id": conversation.episode_id,
        "step_id": conversation.step_id,
        "origin": conversation.origin._asdict(),
        "split": side_of(_split_key(conversation, split), split),
        "batch": batch,
    }


def _conversation_row(conversation: Conversation, batch: str, split: Split) -> Row:
    return _shared(conversation, batch, split) | {
        "format": conversation.format,
        "messages": [message._asdict() for message in conversation.messages],
        "tools": conversation.tools,
        "images": [image._asdict() for image in conversation.images],
        "repairs": repairs_of(conversation.findings),
        "findings": _finding_rows(conversation.findings),
    }


def _sample_row(sample: Sample, batch: str, split: Split) -> Row:
    tokens = sample.tokens
    findings = (*sample.conversation.findings, *tokens.findings)
    labels = np.asarray(tokens.labels, dtype=np.int32)
    return _shared(sample.conversation, batch, split) | {
        "input_ids": np.asarray(tokens.input_ids, dtype=np.int32),
        "labels": labels,
        "images": [_image_row(image) for image in tokens.images],
        "num_tokens": len(labels),
        "num_target_tokens": int(np.count_nonzero(labels != -100)),
        "repairs": repairs_of(findings),
        "findings": _finding_rows(findings),
        "dialect": sample.dialect,
    }


def _image_row(tokens: ImageTokens) -> Row:
    return tokens.image._asdict() | {
        "grid": tokens.grid and tokens.grid._asdict(),
        "token_spans": [span._asdict() for span in tokens.token_spans],
        "target_sizes": [size._asdict() for size in tokens.target_sizes],
    }


def _quarantine_row(row: Quarantined, batch: str, run_id: str) -> Row:
    first = row.findings[0]
    return {
        "record_id": row.raw.record_id,
        "sample_id": row.sample_id,
        "dialect": row.dialect,
        "origin": row.raw.origin._asdict(),
        "stage": first.stage,
        "reason": first.code,
        "findings": _finding_rows(row.findings),
        "raw": row.raw.raw if row.raw.origin.line else None,
        "episode_id": row.episode_id,
        "run_id": run_id,
        "batch": batch,
    }


def _finding_rows(findings: Sequence[Finding]) -> list[Row]:
    return [finding._asdict() for finding in findings]


def column(rows: Sequence[Row | None], name: str, kind: pa.DataType) -> pa.Array:
    """One column of these rows; a list of int32 arrays goes as flat values and offsets, never as Python ints."""
    values = [None if row is None else row[name] for row in rows]
    if kind == pa.list_(integer) and any(isinstance(value, np.ndarray) for value in values):
        lengths = np.array([0 if value is None else len(value) for value in values], dtype=np.int32)
        offsets = np.concatenate([np.zeros(1, dtype=np.int32), np.cumsum(lengths, dtype=np.int32)])
        flat = np.concatenate([value for value in values if value is not None])
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat, type=integer), type=kind)
    return pa.array(values, type=kind)


def struct_column(rows: Sequence[Row | None], kind: pa.StructType) -> pa.StructArray:
    """These rows as one struct column; None is a null row."""
    fields = list(kind)
    mask = pa.array([row is None for row in rows], type=pa.bool_())
    return pa.StructArray.from_arrays([column(rows, field.name, field.type) for field in fields], fields=fields, mask=mask)


def draft_to_bytes(draft: Draft) -> bytes:
    """A draft between two Spark stages, as JSON with its nouns as lists."""
    return orjson.dumps(draft, default=tuple)


def draft_from_bytes(data: bytes) -> Draft:
    fields = orjson.loads(data)
    return Draft(
        **fields
        | {
            "origin": Origin(*fields["origin"]),
            "messages": tuple(Message(role, content, name, tuple(places), weight) for role, content, name, places, weight in fields["messages"]),
            "refs": tuple(ImageRef(*ref) for ref in fields["refs"]),
            "findings": tuple(Finding(*finding) for finding in fields["findings"]),
        }
    )


def image_from_row(row: Row) -> Image:
    return Image(row["uri"], row["sha256"], row["format"], row["width"], row["height"])
