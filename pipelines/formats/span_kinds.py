"""What the spans of a trace are: chats with a model, or other steps, whose input and output are no question and answer.

Sources: docs.langchain.com/langsmith/run-data-format; langfuse.com/docs/observability, observation types; Arize-ai/openinference
spec/semantic_conventions.md; open-telemetry/semantic-conventions, gen-ai; mlflow.entities.SpanType.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from pipelines.formats.envelopes import may_have_prompt
from pipelines.formats.failed import error_type
from pipelines.formats.keys import Unread
from pipelines.formats.pieces import value_at
from pipelines.formats.stops import failure_in
from pipelines.parsing.careful import clip
from pipelines.reasons import Reason, Reject

# Where traces say what a span is.
SPAN_KINDS = (
    *("run_type", "type", "span_type", "spanType", "observation_type", "observationType", "attributes.openinference.span.kind"),
    *("openinference.span.kind", "attributes.gen_ai.operation.name", "attributes.traceloop.span.kind"),
)
# Kinds of spans that are no chats: what they are given and give back is no question and answer.
OTHER_SPANS = frozenset(
    (
        *("tool", "tools", "tool_call", "execute_tool", "retriever", "retrieval", "embedding", "embeddings", "reranker", "parser", "guardrail"),
        *("evaluator", "evaluation", "event", "prompt", "score"),
    )
)
# Where traces say that a span failed, and the values that say so; of the other keys, any text.
FAILURES: Mapping[str, tuple[str, ...]] = {"level": ("ERROR",), "status": ("error", "ERROR", "FAILED"), "error": (), "statusMessage": ()}


def check_span(record: Mapping[str, Any], kinds: tuple[str, ...], unread: Unread) -> None:
    """Refuses a span that is no chat, and one that failed. Raises Reject for the first."""
    for path in kinds:
        kind = value_at(record, path)
        if isinstance(kind, str) and kind.lower() in OTHER_SPANS:
            raise Reject(Reason.SCHEMA_UNKNOWN_FORMAT.at(path, f"a span of kind {clip(kind)} is no conversation; keep_if can leave such spans out"))
    for key, values in FAILURES.items() if kinds else ():
        value = record.get(key)
        if isinstance(value, str) and value.strip() and (value in values or not values):
            unread.add("record", "", key, value, "the span failed, so its answer may be cut")


def _error_in(text: str) -> Any:
    """The object of a JSON text that is the error of an API, and no answer; the text where it is none."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return value if isinstance(value, dict) and value.keys() <= _ERROR_KEYS else text


_ERROR_KEYS = frozenset(("error", "type", "status", "code", "message", "request_id", "detail", "success"))


def check_request(record: Mapping[str, Any], is_request: bool, unread: Unread) -> None:
    """Refuses a record that says that its request failed. `is_request`: it is a log of requests, where an error can mean nothing else."""
    response = record.get("response")
    if is_request and isinstance(response, str) and may_have_prompt(response) and '"error"' in response:
        response = _error_in(response)
    for where, holder in (("", record), ("response", response)):
        found = failure_in(holder, is_request) if isinstance(holder, dict) else None
        if found is not None:
            key, value = found
            name = error_type(value)
            unread.add("record", where, key, value, f"the request failed{f' ({name})' if name else ''}, so its answer is none, or may be cut")
            unread.is_failed = key not in unread.ignored
            return
