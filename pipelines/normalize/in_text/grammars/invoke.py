"""Calls in the XML of Claude: `<invoke name="name">` with `<parameter name="key">value</parameter>` for each argument, and `<function_calls>` around all.

Tags may have the prefix `antml:` or DeepSeek's `｜DSML｜`; MiniMax has `<minimax:tool_call>` around all.
Source: Anthropic's documentation of tool use in prompts; the chat templates of MiniMaxAI/MiniMax-M2 and deepseek-ai/DeepSeek-V3.2.
"""

from __future__ import annotations

import re

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, pairs_in, trim_lines, wrapped

_CALL = re.compile(r'<(antml:|｜DSML｜)?invoke name="([^"<>]++)"\s*+>')
_PREFIXES = ("", "antml:", "｜DSML｜")
_OPENINGS = (*[f"<{prefix}function_calls>" for prefix in _PREFIXES], "<minimax:tool_call>")
_KEYS = {prefix: re.compile(rf'<{prefix}parameter name="([^"<>]++)"[^<>]*>') for prefix in _PREFIXES}


def find(text: str) -> list[CallText]:
    found: list[CallText] = []
    call = _CALL.search(text)
    while call:
        prefix = call[1] or ""
        arguments = pairs_in(text, call.end(), _KEYS[prefix], "", f"</{prefix}parameter>")
        closing = f"</{prefix}invoke>"
        if arguments is None or not text.startswith(closing, arguments[1]):
            return []
        end = arguments[1] + len(closing)
        found.append(CallText(call.start(), end, call[2], values=tuple([(key, trim_lines(value)) for key, value in arguments[0]])))
        call = _CALL.search(text, end)
    return wrapped(text, found, _OPENINGS, [opening.replace("<", "</", 1) for opening in _OPENINGS])


GRAMMAR = Grammar("invoke", ("invoke name=",), find)
