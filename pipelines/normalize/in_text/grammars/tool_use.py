"""Calls of Cherry Studio: `<tool_use><name>name</name><arguments>{...}</arguments></tool_use>`.

Source: CherryHQ/cherry-studio, the prompt for models without calls of their own.
"""

from __future__ import annotations

import re

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, calls_with_head_and_tail

_OPEN = "<tool_use>"
_HEAD = re.compile(r"<tool_use>\s*+<name>\s*+([^\s<>]++)\s*+</name>\s*+<arguments>\s*+")
_TAIL = re.compile(r"\s*+</arguments>\s*+</tool_use>")


def find(text: str) -> list[CallText]:
    return calls_with_head_and_tail(text, _OPEN, _HEAD, _TAIL)


GRAMMAR = Grammar("tool_use", (_OPEN,), find)
