"""Calls of Hermes and Qwen: `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`.

Source: NousResearch/Hermes-Function-Calling README; the chat template of Qwen/Qwen2.5-7B-Instruct.
"""

from __future__ import annotations

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, tagged


def find(text: str) -> list[CallText]:
    return tagged(text, "<tool_call>", "</tool_call>")


GRAMMAR = Grammar("hermes", ("<tool_call>",), find)
