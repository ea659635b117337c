"""Calls of glaive: `<functioncall> {"name": ..., "arguments": '{...}'} <|endoftext|>`. The arguments are JSON in single quotes, which is neither JSON nor Python.

Source: glaiveai/glaive-function-calling-v2.
"""

from __future__ import annotations

import re

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, end_of_value, skip_space

_OPEN, _CLOSE = "<functioncall>", "</functioncall>"
_QUOTED = re.compile(r"""\{\s*+"name"\s*+:\s*+"([^"\\]*+)"\s*+,\s*+"arguments"\s*+:\s*+'""")


def find(text: str) -> list[CallText]:
    found: list[CallText] = []
    at = text.find(_OPEN)
    while at >= 0:
        begin = skip_space(text, at + len(_OPEN))
        end = end_of_value(text, begin)
        if end is None:
            return []
        quoted = _QUOTED.match(text, begin)
        inner = text[quoted.end() : end - 1].rstrip() if quoted else ""
        stop = skip_space(text, end)
        stop = stop + len(_CLOSE) if text.startswith(_CLOSE, stop) else end
        if quoted and inner.endswith("'"):
            found.append(CallText(at, stop, quoted[1], inner[:-1].replace("\\'", "'")))
        else:
            found.append(CallText(at, stop, text=text[begin:end]))
        at = text.find(_OPEN, stop)
    return found


GRAMMAR = Grammar("glaive", (_OPEN,), find)
