"""Calls as a Python list: the whole answer is `[name(key="value", other=1), name()]`. Arguments are literals with keys; nothing is evaluated.

Source: meta-llama/llama-models llama3_2 and llama4 prompt formats; Team-ACE/ToolACE, whose names have blanks.
"""

from __future__ import annotations

import json
import re

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, skip_space

_NAME = re.compile(r"([^\W\d][\w .\-/]*+)\(")
_KEY = re.compile(r"\s*+([^\W\d]\w*+)\s*+=(?!=)\s*+")
_SIGNS = re.compile(r""""(?:[^"\\]++|\\.)*+"?|'(?:[^'\\]++|\\.)*+'?|[{}\[\](),]""", re.DOTALL)


def find(text: str) -> list[CallText]:
    at = skip_space(text, 0)
    if text[at : at + 1] != "[":
        return []
    found: list[CallText] = []
    at = skip_space(text, at + 1)
    while name := _NAME.match(text, at):
        arguments = _arguments(text, name.end())
        if arguments is None:
            return []
        written, end = arguments
        found.append(CallText(at, end, name[1].strip(), "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in written) + "}"))
        at = skip_space(text, end)
        if text[at : at + 1] != ",":
            break
        at = skip_space(text, at + 1)
    if not found or text[at : at + 1] != "]" or text[at + 1 :].strip():
        return []
    # The commas and brackets belong to the calls.
    ends = [call.start for call in found[1:]] + [len(text)]
    return [call._replace(start=0 if i == 0 else call.start, end=end) for i, (call, end) in enumerate(zip(found, ends, strict=True))]


def _arguments(text: str, at: int) -> tuple[list[tuple[str, str]], int] | None:
    """The key and the literal of each argument, and where the call ends; None if an argument has no key or the call no end."""
    written: list[tuple[str, str]] = []
    while key := _KEY.match(text, at):
        stop = _end_of_argument(text, key.end())
        if stop is None:
            return None
        written.append((key[1], text[key.end() : stop].strip()))
        if text[stop] == ")":
            return written, stop + 1
        at = stop + 1
    end = skip_space(text, at)
    return (written, end + 1) if text[end : end + 1] == ")" else None


def _end_of_argument(text: str, at: int) -> int | None:
    """Where the comma or bracket is that ends this argument."""
    depth = 0
    for match in _SIGNS.finditer(text, at):
        sign = match.group()
        if depth == 0 and sign in (",", ")"):
            return match.start()
        depth += (sign in ("{", "[", "(")) - (sign in ("}", "]", ")"))
        if depth < 0:
            return None
    return None


GRAMMAR = Grammar("pythonic", (")]", ")\n]", ") ]"), find, is_explicit=False)
