"""Calls as JSON between the tags of other models than Hermes: `<function_call>`, `<|tool_call|>`, `<TOOLCALL>` and the like.

Source: the chat templates of google/gemma fine-tunes and fireworks-ai/firefunction-v1 (`<function_call>`), ibm-granite/granite-3.1 and microsoft/Phi-4-mini (`<|tool_call|>`),
nvidia/Llama-3.1-Nemotron-Nano (`<TOOLCALL>`), ai21labs/AI21-Jamba-1.5 (`<tool_calls>`), internlm/internlm2_5-7b-chat (`<|plugin|>`).
"""

from __future__ import annotations

from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar, tagged, wrapped

_TAGS = (
    ("<function_call>", "</function_call>"),
    ("<|tool_call|>", "<|/tool_call|>"),
    ("<TOOLCALL>", "</TOOLCALL>"),
    ("<tool_calls>", "</tool_calls>"),
    ("<|plugin|>", "<|action_end|>"),
)


def find(text: str) -> list[CallText]:
    opening, closing = next((tags for tags in _TAGS if tags[0] in text), _TAGS[0])
    return wrapped(text, tagged(text, opening, closing), ("<|action_start|>",), ())


GRAMMAR = Grammar("tags", tuple(opening for opening, _ in _TAGS), find)
