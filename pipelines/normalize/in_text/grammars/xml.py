"""Calls in XML: `<function=name>` with `<parameter=key>value</parameter>` for each argument, and Llama's `<function=name>{...}</function>`.

Around a call may be `<tool_call>`. A newline at the beginning and at the end of a value belongs to the template. The closing tag may be missing at the end of a
text, because it is a stop sequence. Source: the chat template of Qwen/Qwen3-Coder; All-Hands-AI/OpenHands openhands/llm/fn_call_converter.py;
meta-llama/llama-models llama3_1 prompt format.
"""

from __future__ import annotations

import re

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, end_of_value, pairs_in, skip_space, spread, trim_lines

_OPEN = "<function="
_CALL = re.compile(r"<function=\s*+([^\s<>{}=]++)\s*+>")
_KEY = re.compile(r"<parameter=\s*+([^<>\n]++)>")
_CLOSE = "</function>"


def find(text: str) -> list[CallText]:
    found: list[CallText] = []
    at = text.find(_OPEN)
    while at >= 0:
        call = _read(text, at)
        if call is None:
            return []
        found += _with_tags(text, call)
        at = text.find(_OPEN, found[-1].end)
    return found


def _read(text: str, at: int) -> CallText | None:
    name = _CALL.match(text, at)
    if name is None:
        return None
    begin = skip_space(text, name.end())
    end = end_of_value(text, begin)
    if end is not None:
        call = CallText(at, end, name[1], text[begin:end])
    else:
        arguments = pairs_in(text, begin, _KEY, "", "</parameter>")
        if arguments is None:
            return None
        call = CallText(at, arguments[1], name[1], values=tuple([(key.strip(), trim_lines(value)) for key, value in arguments[0]]))
    end = skip_space(text, call.end)
    if text.startswith(_CLOSE, end):
        return call._replace(end=end + len(_CLOSE))
    return call if end == len(text) else None


def _with_tags(text: str, call: CallText) -> list[CallText]:
    """The call with `<tool_call>` around it. Only a few characters before it are read, so that many calls take linear time."""
    near = max(0, call.start - 20)
    before = text[near : call.start].rstrip()
    start = near + len(before) - len("<tool_call>") if before.endswith("<tool_call>") else call.start
    after = skip_space(text, call.end)
    return spread([call], start, after + len("</tool_call>") if text.startswith("</tool_call>", after) else call.end)


GRAMMAR = Grammar("xml", (_OPEN,), find)
