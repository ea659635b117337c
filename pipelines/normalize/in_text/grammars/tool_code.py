"""Calls of Gemma and of Gemini's templates: Python calls in a block of code or tags named tool_code, perhaps within `print`.

Source: ai.google.dev/gemma/docs/capabilities/function-calling; the system prompt of Gemini 2.
"""

from __future__ import annotations

import re

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, skip_space, spread
from pipelines.normalize.in_text.grammars.pythonic import call_at

_OPEN = re.compile(r"```tool_code[ \t]*+\n|<tool_code>")
_CLOSE = {"`": "```", "<": "</tool_code>"}
_PRINT = re.compile(r"print\(\s*+")


def find(text: str) -> list[CallText]:
    found: list[CallText] = []
    opening = _OPEN.search(text)
    while opening:
        closing = _CLOSE[opening[0][0]]
        end = text.find(closing, opening.end())
        calls = _calls_in(text, opening.end(), end) if end >= 0 else []
        if not calls:
            return []
        found += spread(calls, opening.start(), end + len(closing))
        opening = _OPEN.search(text, end + len(closing))
    return found


def _calls_in(text: str, at: int, end: int) -> list[CallText]:
    """The calls that make up text[at:end], one after the other."""
    found: list[CallText] = []
    at = skip_space(text, at)
    while at < end:
        printed = _PRINT.match(text, at)
        call = call_at(text, printed.end() if printed else at)
        if call is None or call.end > end:
            return []
        stop = skip_space(text, call.end)
        if printed and text[stop : stop + 1] != ")":
            return []
        stop = skip_space(text, stop + 1) if printed else stop
        found.append(call._replace(start=at, end=stop))
        at = stop
    return found


GRAMMAR = Grammar("tool_code", ("```tool_code", "<tool_code>"), find)
