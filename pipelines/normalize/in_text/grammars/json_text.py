"""Calls as JSON without tags: the answer is an object of name and arguments, a list of them, several of them, or one in a block of code.

Text before the call is allowed; such a call counts only where a result follows.
Source: THUDM/GLM-4 pull request 572 (name and arguments); meta-llama/llama-models llama3_1 prompt format (name and parameters).
"""

from __future__ import annotations

import re

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, skip_space, spread, values_in

_FENCE = re.compile(r"```[a-zA-Z]*+\s*+")
_AFTER_TEXT = re.compile(
    r"""^[ \t]*+(?:```[a-zA-Z]*+\s*+)?(?=[{\[]\s*+(?:\{\s*+)?["'](?:name|arguments|parameters|type|function|id|tool_calls)["'])""", re.MULTILINE
)


def find(text: str) -> list[CallText]:
    at = skip_space(text, 0)
    if text[at : at + 1] in ("{", "["):
        return values_in(text, at, len(text))
    if text.startswith("```", at):
        return _fenced(text, at)
    start = _AFTER_TEXT.search(text)
    if start is None:
        return []
    at = skip_space(text, start.start())
    return _fenced(text, at) if text.startswith("```", at) else values_in(text, at, len(text))


def _fenced(text: str, at: int) -> list[CallText]:
    """The calls in the blocks of code from here to the end of the text."""
    found: list[CallText] = []
    while fence := _FENCE.match(text, at):
        end = text.find("```", fence.end())
        calls = values_in(text, fence.end(), end) if end >= 0 else []
        if not calls:
            return []
        found += spread(calls, at, end + 3)
        at = skip_space(text, end + 3)
    return found if at == len(text) else []


GRAMMAR = Grammar("json", ("arguments", "parameters"), find, is_explicit=False)
