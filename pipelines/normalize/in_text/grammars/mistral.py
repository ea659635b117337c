"""Calls of Mistral: `[TOOL_CALLS] [{"name": ..., "arguments": {...}}]`, and in later models `[TOOL_CALLS]name[ARGS]{...}`.

Source: mistralai/mistral-common, tokenizers of versions 3 to 13.
"""

from __future__ import annotations

import re

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, end_of_value

_OPEN = "[TOOL_CALLS]"
_NAME = re.compile(r"\[TOOL_CALLS\]\s*+(?:([A-Za-z_][\w.\-]*+)(?:\[CALL_ID\][\w-]*+)?(?:\[ARGS\])?\s*+)?")


def find(text: str) -> list[CallText]:
    found: list[CallText] = []
    at = text.find(_OPEN)
    while at >= 0:
        name = _NAME.match(text, at)
        end = end_of_value(text, name.end()) if name else None
        if name is None or end is None:
            return []
        found.append(CallText(at, end, name[1], text[name.end() : end]))
        at = text.find(_OPEN, end)
    return found


GRAMMAR = Grammar("mistral", (_OPEN,), find)
