"""What can be read of a JSON object that is damaged: only to say which record it was, never to make a row of it."""

from __future__ import annotations

import json
import re
from typing import Any

from pipelines.parsing.budget import Budget, json_size
from pipelines.parsing.careful import has_surrogate

_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder(strict=False)  # a control character in a text is damage that ends nothing


def leading_fields(data: bytes, budget: Budget) -> dict[str, Any]:
    """The fields of an object before the first one that cannot be read; of a key that appears twice, the last. A field at the very end does not count,
    because a number may be cut there. Linear time. Raises Reject where there are too many values.

    >>> from pipelines.config import Limits
    >>> leading_fields(b'{"episode_id": "e", "step_id": 3, "goal": "Open th', Budget(Limits(), 52))
    {'episode_id': 'e', 'step_id': 3}
    """
    budget.spend(data)
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    has_escapes = "\\u" in text
    fields: dict[str, Any] = {}
    at, before = _skip(text, 0), "{"
    while text[at : at + 1] == before:
        try:
            key, at = _DECODER.raw_decode(text, _skip(text, at + 1))
            at = _skip(text, at)
            if not isinstance(key, str) or text[at : at + 1] != ":":
                break
            start = _skip(text, at + 1)
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            break
        at, before = _skip(text, end), ","
        is_deep = isinstance(value, (dict, list)) and json_size(text[start:end].encode("utf-8", "surrogatepass")).depth >= budget.limits.json_depth
        if is_deep or at == len(text):
            break
        if not has_escapes or not has_surrogate([key, value]):  # no table can hold one
            fields[key] = value
    return fields


def _skip(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at
