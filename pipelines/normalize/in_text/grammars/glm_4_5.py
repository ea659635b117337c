"""Calls of GLM-4.5 and later: `<tool_call>name`, then `<arg_key>key</arg_key><arg_value>value</arg_value>` for each argument, then `</tool_call>`.

A value that is not text is written as JSON. Source: chat_template.jinja of zai-org/GLM-4.5.
"""

from __future__ import annotations

import re

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, pairs_in

_CALL = re.compile(r"<tool_call>\s*+([^\s<>{}\[\]\"']++)")
_KEY = re.compile(r"<arg_key>\s*+([^<>]*)</arg_key>")
_CLOSE = "</tool_call>"


def find(text: str) -> list[CallText]:
    found: list[CallText] = []
    at = text.find("<tool_call>")
    while at >= 0:
        call = _CALL.match(text, at)
        arguments = pairs_in(text, call.end(), _KEY, "<arg_value>", "</arg_value>") if call else None
        if call is None or arguments is None or not text.startswith(_CLOSE, arguments[1]):
            return []
        end = arguments[1] + len(_CLOSE)
        found.append(CallText(at, end, call[1], values=tuple([(key.strip(), value) for key, value in arguments[0]])))
        at = text.find("<tool_call>", end)
    return found


GRAMMAR = Grammar("glm_4_5", ("<tool_call>",), find, reads_json=True)
