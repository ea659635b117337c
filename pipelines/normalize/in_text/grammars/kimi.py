"""Calls of Kimi K2: `<|tool_call_begin|>functions.name:0<|tool_call_argument_begin|>{...}<|tool_call_end|>`, with section tags around all.

Source: moonshotai/Kimi-K2-Instruct docs/tool_call_guidance.md.
"""

from __future__ import annotations

import re

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, calls_with_head_and_tail, wrapped

_OPEN = "<|tool_call_begin|>"
_HEAD = re.compile(r"<\|tool_call_begin\|>\s*+(?:functions\.)?([^\s:<>{}]++)(?::\d++)?\s*+<\|tool_call_argument_begin\|>\s*+")
_TAIL = re.compile(r"\s*+<\|tool_call_end\|>")


def find(text: str) -> list[CallText]:
    found = calls_with_head_and_tail(text, _OPEN, _HEAD, _TAIL)
    return wrapped(text, found, ("<|tool_calls_section_begin|>",), ("<|tool_calls_section_end|>",))


GRAMMAR = Grammar("kimi", (_OPEN,), find)
