"""Calls of Qwen-Agent: `✿FUNCTION✿: name` and `✿ARGS✿: {...}` on lines of their own, with results in `✿RESULT✿`.

Source: QwenLM/Qwen-Agent qwen_agent/llm/fncall_prompts/qwen_fncall_prompt.py.
"""

from __future__ import annotations

import re

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, end_of_value

_OPEN = "✿FUNCTION✿"
_HEAD = re.compile(r"✿FUNCTION✿:\s*+([^\s✿{}]++)\s*+✿ARGS✿:\s*+")
_TAIL = re.compile(r"\s*+(?:✿RESULT✿:?|✿RETURN✿:?)?\s*+\Z")


def find(text: str) -> list[CallText]:
    found: list[CallText] = []
    at = text.find(_OPEN)
    while at >= 0:
        head = _HEAD.match(text, at)
        end = end_of_value(text, head.end()) if head else None
        if head is None or end is None:
            return []
        found.append(CallText(at, end, head[1], text[head.end() : end]))
        at = text.find(_OPEN, end)
    tail = _TAIL.match(text, found[-1].end) if found else None
    return [*found[:-1], found[-1]._replace(end=tail.end())] if tail else found


GRAMMAR = Grammar("qwen_agent", (_OPEN,), find)
