"""Calls of DeepSeek: `<｜tool▁call▁begin｜>function<｜tool▁sep｜>name`, then a block of JSON (V3, R1); or `<｜tool▁call▁begin｜>name<｜tool▁sep｜>{...}` (V3.1).

Source: the chat templates of deepseek-ai/DeepSeek-V3 and deepseek-ai/DeepSeek-V3.1.
"""

from __future__ import annotations

import re

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, calls_with_head_and_tail, wrapped

_OPEN = "<｜tool▁call▁begin｜>"
_HEAD = re.compile(r"<｜tool▁call▁begin｜>\s*+(?:function\s*+<｜tool▁sep｜>)?\s*+([^\s<>{}`]++)\s*+(?:<｜tool▁sep｜>)?\s*+(?:```(?:json)?+\s*+)?")
_TAIL = re.compile(r"\s*+(?:```)?\s*+<｜tool▁call▁end｜>")


def find(text: str) -> list[CallText]:
    found = calls_with_head_and_tail(text, _OPEN, _HEAD, _TAIL)
    return wrapped(text, found, ("<｜tool▁calls▁begin｜>",), ("<｜tool▁calls▁end｜>",))


GRAMMAR = Grammar("deepseek", (_OPEN,), find)
