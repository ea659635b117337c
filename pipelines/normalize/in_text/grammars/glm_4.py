"""Calls of GLM-4 as its template writes them: the whole answer is `name`, a newline, and the arguments as JSON.

Source: the chat template of THUDM/glm-4-9b-chat.
"""

from __future__ import annotations

import re

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, end_of_value

_NAME = re.compile(r"\s*+([A-Za-z_][\w.\-]*+)[ \t]*+\n(?=\{)")


def find(text: str) -> list[CallText]:
    name = _NAME.match(text)
    end = end_of_value(text, name.end()) if name else None
    return [CallText(0, end, name[1], text[name.end() : end])] if name and end is not None and not text[end:].strip() else []


GRAMMAR = Grammar("glm_4", ("\n{",), find, is_explicit=False)
