"""Requests that failed: a response that is an error, and has no answer.

Sources: the API references of OpenAI and Anthropic (an object with `error`; `type: error`), OpenRouter (`error` beside empty `choices`), and vLLM (`object: error`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.formats.keys import QUESTION_ROLES
from pipelines.formats.stops import is_error
from pipelines.reasons import Reason, Reject

Json = Any
_RESPONSES = ("response", "response_body", "responseBody")
_BODIES = ("body", "data", "json")  # of a response, beside its status
_ANSWERS = (
    "choices",
    "content",
    "message",
    "text",
    "output",
    "outputs",
    "output_text",
    "candidates",
    "completion",
    "delta",
    "parts",
    "tool_calls",
    "answer",
    "result",
)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")


def refuse_failed(record: Mapping[str, Json]) -> None:
    """Raises Reject if the response of this record, or of its request, is an error without an answer."""
    turns = record.get("messages") or record.get("conversations")
    last = turns[-1] if isinstance(turns, list) and turns else None
    if isinstance(last, dict) and str(last.get("role") or last.get("from")).strip().lower() not in QUESTION_ROLES:
        return  # the turns have an answer
    for key, error in _errors_in(record):
        name = error_type(error)
        raise Reject(Reason.SCHEMA_NO_TARGET.at(key, f"the request failed{f' ({name})' if name else ''}, so there is no answer"))


def _errors_in(record: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """The place of each error, and the error."""
    for key in _RESPONSES:
        response = record.get(key)
        if not isinstance(response, dict):
            continue
        for where, holder in ((key, response), *((f"{key}.{name}", response[name]) for name in _BODIES if isinstance(response.get(name), dict))):
            if "error" in (holder.get("object"), holder.get("type")):  # then `message` is about the error
                yield f"{where}.error" if is_error(holder.get("error")) else where, holder.get("error") or holder
            elif is_error(holder.get("error")) and not any(holder.get(name) for name in (*_ANSWERS, *_BODIES)):
                yield f"{where}.error", holder["error"]
    if isinstance(record.get("request"), dict) and is_error(record.get("error")) and not any(record.get(name) for name in (*_RESPONSES, *_ANSWERS)):
        yield "error", record["error"]


def error_type(error: Json) -> str:
    """The word or number that says of what type an error is, and nothing of its text; "" where it has none.

    >>> error_type({"message": "Slow down, Ann", "type": "rate_limit_error"}), error_type({"code": 429}), error_type("no quota left")
    ('rate_limit_error', '429', '')
    """
    given = [error.get(name) for name in ("type", "code", "status", "name")] if isinstance(error, dict) else [error]
    texts = (str(value) for value in given if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "error")
    return next((text for text in texts if _WORD.fullmatch(text)), "")
