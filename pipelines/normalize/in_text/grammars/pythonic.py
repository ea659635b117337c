"""Calls as Python: the whole answer is `[name(key="value", other=1), name()]`, or one call without brackets. Arguments are literals with keys; nothing is evaluated.

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
    if text[at : at + 1] == "[":
        found, end = list_at(text, at)
    else:
        call = call_at(text, at)
        found, end = ([call], call.end) if call else ([], 0)
    return [found[0]._replace(start=0), *found[1:]] if found and not text[end:].strip() else []


def call_at(text: str, at: int) -> CallText | None:
    """The call that begins here; None if none does."""
    name = _NAME.match(text, at)
    arguments = _arguments(text, name.end()) if name else None
    if name is None or arguments is None:
        return None
    written, end = arguments
    return CallText(at, end, name[1].strip(), "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in written) + "}")


def list_at(text: str, at: int) -> tuple[list[CallText], int]:
    """(the calls of the list that begins here, where it ends); ([], 0) if none does. The commas and brackets belong to the calls."""
    begin = at
    found: list[CallText] = []
    at = skip_space(text, at + 1)
    while call := call_at(text, at):
        found.append(call)
        at = skip_space(text, call.end)
        if text[at : at + 1] != ",":
            break
        at = skip_space(text, at + 1)
    if not found or text[begin : begin + 1] != "[" or text[at : at + 1] != "]":
        return [], 0
    ends = [call.start for call in found[1:]] + [at + 1]
    return [call._replace(start=begin if i == 0 else call.start, end=end) for i, (call, end) in enumerate(zip(found, ends, strict=True))], at + 1


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


BARE = ")"  # how a call without brackets ends; most answers have one, so spellings.py looks for it apart

GRAMMAR = Grammar("pythonic", (")]", ")\n]", ") ]", BARE), find, is_explicit=False)
