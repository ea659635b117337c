"""Calls of ReAct: lines `Thought:`, `Action: name` and `Action Input: {...}`, or `Action:` and a block of {"action": name, "action_input": {...}}; what follows `Observation:` in the same text is the call's result.

Source: Yao et al., ReAct (2022), as LangChain and Qwen-7B write it.
"""

from __future__ import annotations

import re

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, end_of_value

_HEAD = re.compile(r"^[ \t]*+Action:[ \t]*+([^\n]++)\n\s*+Action Input:[ \t]*+\n?+[ \t]*+(?:```(?:json)?+\s*+)?", re.MULTILINE)
_BLOB = re.compile(
    r'^[ \t]*+Action:[ \t]*+\n?+\s*+```(?:json)?+\s*+\{\s*+"action"\s*+:\s*+"([^"\\]++)"\s*+,\s*+"action_input"\s*+:\s*+', re.MULTILINE
)  # LangChain's structured chat
_BLOB_END = re.compile(r"\s*+\}")
_FENCE = re.compile(r"\s*+```")
_RESULT = re.compile(r"\s*+Observation:[ \t]*+\n?+")
_NEXT = re.compile(r"^[ \t]*+(?:Thought|Action|Final Answer):", re.MULTILINE)


def find(text: str) -> list[CallText]:
    found: list[CallText] = []
    form = _HEAD if "Action Input:" in text else _BLOB
    head = form.search(text)
    while head:
        end = end_of_value(text, head.end())
        if end is None:
            return []
        call = CallText(head.start(), end, head[1].strip(), text[head.end() : end])
        if form is _BLOB and (tail := _BLOB_END.match(text, end)):
            call = call._replace(end=tail.end())
        if fence := _FENCE.match(text, call.end):
            call = call._replace(end=fence.end())
        found.append(_with_result(text, call))
        head = form.search(text, found[-1].end)
    return found


def _with_result(text: str, call: CallText) -> CallText:
    """The call with the result that the text gives after it. An `Observation:` that ends the text was a stop sequence."""
    opening = _RESULT.match(text, call.end)
    if opening is None:
        return call
    following = _NEXT.search(text, opening.end())
    end = following.start() if following else len(text)
    result = text[opening.end() : end]
    return call._replace(end=end, result=result.rstrip() if result.strip() else None)


GRAMMAR = Grammar("react", ("Action Input:", '"action_input"'), find, is_explicit=False)
