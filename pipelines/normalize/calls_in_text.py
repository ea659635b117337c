"""Calls written in the text of an answer: extracted if they are certainly calls, else noted with the name of their syntax.

An answer that is one JSON object of name and arguments is a call if a tool of that name is declared, or if a result follows. Calls in any
other syntax stay text, with a note.
"""

from __future__ import annotations

import re
from collections.abc import Container

from pipelines.normalize.findings import Findings
from pipelines.normalize.reasoning import leading_thought
from pipelines.normalize.tool_calls import lifted, logged_as_text
from pipelines.normalize.turns import Line
from pipelines.parsing.careful import clip
from pipelines.reasons import Reason, Reject

# (syntax, a text that every call in it contains, its pattern or None if the text is enough). The first that matches names the syntax.
SPELLINGS: tuple[tuple[str, str, re.Pattern[str] | None], ...] = (
    ("glm-4.5", "<arg_key>", None),
    ("xml", "<function=", None),
    ("hermes", "<tool_call>", None),
    ("invoke", "<invoke name=", None),
    ("glaive", "<functioncall>", None),
    ("mistral", "[TOOL_CALLS]", None),
    ("deepseek", "<｜tool▁call", None),
    ("kimi", "<|tool_call", None),
    ("llama", "<|python_tag|>", None),
    ("harmony", "<|channel|>commentary to=", None),
    ("qwen-agent", "✿FUNCTION✿", None),
    ("function-call", "<function_call>", None),
    ("gemini", "```tool_code", None),
    ("react", "Action Input:", re.compile(r"^[ \t]*Action:[^\n]*\n\s*Action Input:", re.MULTILINE)),
    ("openhands", "<execute_", None),
    ("json", '"arguments"', re.compile(r'\{\s*"(?:name|arguments|type|function|id)"\s*:')),
    ("json", '"parameters"', re.compile(r'\{\s*"name"\s*:\s*"[^"\n]*"\s*,\s*"parameters"\s*:')),
    ("json", '"function"', re.compile(r'"type"\s*:\s*"function"')),
    ("glm-4", "\n{", re.compile(r"\s*[A-Za-z_][\w.\-]*[ \t]*\n\{")),
    ("pythonic", ")]", re.compile(r"\s*\[\s*[A-Za-z_][\w.]*\(")),
)
_AT_START = ("glm-4", "pythonic")


def spelling_of(text: str) -> str | None:
    """The syntax in which this text contains a call; None if it contains no call in a known syntax.

    >>> spelling_of("Thought: look\\nAction: search\\nAction Input: {}"), spelling_of("It is 12 degrees.")
    ('react', None)
    """
    if not ("{" in text or "<" in text or "[" in text or "✿" in text):  # as most answers
        return None
    whole = leading_thought(text)[1]
    for name, part, pattern in SPELLINGS:
        if part in text and (pattern is None or (pattern.match(whole) if name in _AT_START else pattern.search(text))):
            return name
    return None


def lift_calls(lines: list[Line], declared: Container[str], findings: Findings) -> list[Line]:
    """The lines, with calls extracted from the texts of answers. If a text that stays text looks like a call, its syntax is noted."""
    found: list[Line] = []
    for i, line in enumerate(lines):
        if line.role != "assistant" or line.call is not None:
            found.append(line)
            continue
        has_result = i + 1 < len(lines) and lines[i + 1].role == "observation"
        found += _lifted(line, has_result, declared, findings) or [_noted(line, findings)]
    return found


def _lifted(line: Line, has_result: bool, declared: Container[str], findings: Findings) -> list[Line]:
    """The line of the call, after a line of its reasoning if there is any; [] if the text stays text."""
    if not line.is_alone or line.images or line.pool or "arguments" not in line.text:
        return []
    thought, rest = leading_thought(line.text)
    where = f"{line.where}.content"
    try:
        value = logged_as_text(rest, where, findings)
        if value is None or not (has_result or value.value["name"] in declared):
            return []
        call = lifted(value, rest, findings)
    except Reject as reject:
        findings.refuse_all(reject)
        return [line]
    findings.repair(Reason.REPAIR_TOOL_CALL_EXTRACTED, Reason.TOOL_CALL_MALFORMED, where, f"a call of {clip(call.name)} was logged as text")
    before = [Line(role="assistant", text=thought, where=line.where, weight=line.weight, is_alone=False)] if thought else []
    return [*before, Line(role="assistant", text=call.arguments, where=line.where, weight=line.weight, call=call)]


def _noted(line: Line, findings: Findings) -> Line:
    line.spelling = spelling_of(line.text)
    if line.spelling:
        findings.note(Reason.TOOL_CALL_IN_TEXT, f"{line.where}.content", f"the text looks like a call in the syntax {line.spelling}, and stays text")
    return line
