"""Calls of LFM2: `<|tool_call_start|>[name(key="value")]<|tool_call_end|>`, a Python list between tags.

Source: the chat template of LiquidAI/LFM2-1.2B.
"""

from __future__ import annotations

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, spread
from pipelines.normalize.in_text.grammars.pythonic import list_at

_OPEN, _CLOSE = "<|tool_call_start|>", "<|tool_call_end|>"


def find(text: str) -> list[CallText]:
    found: list[CallText] = []
    at = text.find(_OPEN)
    while at >= 0:
        calls, end = list_at(text, at + len(_OPEN))
        if not calls or not text.startswith(_CLOSE, end):
            return []
        found += spread(calls, at, end + len(_CLOSE))
        at = text.find(_OPEN, found[-1].end)
    return found


GRAMMAR = Grammar("lfm2", (_OPEN,), find)
