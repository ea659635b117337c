"""Calls of Cline and Roo Code: `<read_file><path>a.py</path></read_file>` at the end of an answer; the tag is the tool's name, the tags in it are its arguments.

A newline at the beginning and at the end of a value belongs to the template. Any XML may look like this, so the tool must be declared, or a result follow.
Source: cline/cline src/core/prompts/system.ts; RooCodeInc/Roo-Code src/core/prompts/sections/tool-use.ts.
"""

from __future__ import annotations

import re

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, skip_space, trim_lines

_LAST = re.compile(r"</([a-z][a-z0-9_]{0,63})>\Z")
_KEY = re.compile(r"<([a-z][a-z0-9_]{0,63})>")
HINTS = ("<path>", "<command>", "<server_name>", "<question>", "<result>")


def find(text: str) -> list[CallText]:
    body = text.rstrip()
    last = _LAST.search(body, max(0, len(body) - 70))
    start = body.find(f"<{last[1]}>") if last else -1
    if last is None or start < 0:
        return []
    values: list[tuple[str, str]] = []
    at = skip_space(body, start + len(last[1]) + 2)
    while key := _KEY.match(body, at):
        closing = f"</{key[1]}>"
        end = body.find(closing, key.end(), last.start())
        if end < 0:
            return []
        values.append((key[1], trim_lines(body[key.end() : end])))
        at = skip_space(body, end + len(closing))
    return [CallText(start, last.end(), last[1], values=tuple(values))] if values and at == last.start() else []


GRAMMAR = Grammar("cline", HINTS, find, is_explicit=False)
