"""Calls of Llama 3: `<|python_tag|>{"name": ..., "parameters": {...}}`, several separated by semicolons.

Source: meta-llama/llama-models llama3_1 and llama3_2 prompt formats.
"""

from __future__ import annotations

import re

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, spread, values_in

_OPEN = "<|python_tag|>"
_END = re.compile(r"\s*+(?:<\|eo[tm]_id\|>\s*+)?\Z")


def find(text: str) -> list[CallText]:
    at = text.find(_OPEN)
    if at < 0:
        return []
    end = next((found for tag in ("<|eom_id|>", "<|eot_id|>") if (found := text.find(tag, at)) >= 0), len(text))
    calls = values_in(text, at + len(_OPEN), end)
    return spread(calls, at, calls[-1].end) if calls and _END.match(text, end) else []


GRAMMAR = Grammar("llama", (_OPEN,), find)
