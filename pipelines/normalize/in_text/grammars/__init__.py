"""The grammars of calls in text, one file each. In this table a grammar stands before those that would also take its calls."""

from __future__ import annotations

from pipelines.normalize.in_text.grammars import (
    cline,
    deepseek,
    glaive,
    glm_4,
    glm_4_5,
    hermes,
    invoke,
    json_text,
    kimi,
    lfm2,
    llama,
    mistral,
    pythonic,
    qwen_agent,
    react,
    tags,
    tool_code,
    tool_use,
    xml,
)
from pipelines.normalize.in_text.grammars.call_text import Grammar

GRAMMARS: tuple[Grammar, ...] = (
    xml.GRAMMAR,
    glm_4_5.GRAMMAR,
    hermes.GRAMMAR,
    invoke.GRAMMAR,
    glaive.GRAMMAR,
    mistral.GRAMMAR,
    deepseek.GRAMMAR,
    kimi.GRAMMAR,
    llama.GRAMMAR,
    qwen_agent.GRAMMAR,
    tags.GRAMMAR,
    tool_use.GRAMMAR,
    tool_code.GRAMMAR,
    lfm2.GRAMMAR,
    react.GRAMMAR,
    json_text.GRAMMAR,
    pythonic.GRAMMAR,
    glm_4.GRAMMAR,
    cline.GRAMMAR,
)


def has_call(text: str) -> bool:
    """Whether a text that is said to be a call has calls in a syntax other than JSON.

    >>> has_call("I look.\\n<function=f></function>"), has_call('{"name": "f", "arguments": {}}'), has_call("I look.")
    (True, False, False)
    """
    others = (grammar for grammar in GRAMMARS if grammar.name != "json" and any(hint in text for hint in grammar.hints))
    return any(grammar.find(text) for grammar in others)
