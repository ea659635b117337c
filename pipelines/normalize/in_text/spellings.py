"""The syntaxes in which models write calls, and how a call is noticed that stays text: also in a syntax that no grammar reads."""

from __future__ import annotations

import re

from pipelines.normalize.in_text.grammars import GRAMMARS
from pipelines.normalize.in_text.grammars.pythonic import BARE
from pipelines.normalize.reasoning import leading_thought

_CLINE_TOOLS = (
    *("read_file", "write_to_file", "replace_in_file", "search_files", "list_files", "execute_command", "attempt_completion", "ask_followup_question"),
)
_CLINE = re.compile(rf"<(?:{'|'.join(_CLINE_TOOLS)})>\s{{0,9}}<[a-z_]+>")
_BARE = re.compile(r"\s*[A-Za-z_][\w.]*\([A-Za-z_]\w*\s*=[^\n]*\)\s*\Z")
# (syntax, a text that every call in it contains, its pattern or None if the text is enough). The first that matches names the syntax.
SPELLINGS: tuple[tuple[str, str, re.Pattern[str] | None], ...] = (
    ("glm_4_5", "<arg_key>", None),
    ("xml", "<function=", None),
    ("hermes", "<tool_call>", None),
    ("invoke", "<invoke name=", None),
    ("glaive", "<functioncall>", None),
    ("mistral", "[TOOL_CALLS]", None),
    ("deepseek", "<｜tool▁call", None),
    ("lfm2", "<|tool_call_start|>", None),
    ("kimi", "<|tool_call", None),
    ("llama", "<|python_tag|>", None),
    ("harmony", "<|channel|>commentary to=", None),
    ("qwen_agent", "✿FUNCTION✿", None),
    ("tags", "<function_call>", None),
    ("tool_code", "```tool_code", None),
    ("tool_code", "<tool_code>", None),
    ("tool_use", "<tool_use>", None),
    ("function_gemma", "<start_function_call>", None),
    ("cline", "<use_mcp_tool>", None),
    *(("cline", f"<{name}>", _CLINE) for name in _CLINE_TOOLS),
    ("xml_agent", "<tool>", re.compile(r"<tool>[^<]{1,200}</tool>\s{0,9}<(?:args|arguments|tool_input|parameters)>")),
    ("search_r1", "<search>", re.compile(r"<search>[^<]{1,2000}</search>\s{0,9}(?:\Z|<information>)")),
    ("react", "Action Input:", re.compile(r"^[ \t]*Action:[^\n]*\n\s*Action Input:", re.MULTILINE)),
    ("react", "Action", re.compile(r"^[ \t]*Action(?: \d+)?:[ \t]*\w+\[[^\n]+\][ \t]*$", re.MULTILINE)),
    ("openhands", "<execute_", None),
    ("json", '"arguments"', re.compile(r'\{\s*"(?:name|arguments|type|function|id)"\s*:')),
    ("json", '"parameters"', re.compile(r'\{\s*"name"\s*:\s*"[^"\n]*"\s*,\s*"parameters"\s*:')),
    ("json", '"function"', re.compile(r'"type"\s*:\s*"function"')),
    ("glm_4", "\n{", re.compile(r"\s*[A-Za-z_][\w.\-]*[ \t]*\n\{")),
    ("pythonic", ")]", re.compile(r"\s*\[\s*[A-Za-z_][\w.]*\(")),
    ("pythonic", BARE, _BARE),
)
_AT_START = ("glm_4", "pythonic")


def spelling_of(text: str) -> str | None:
    """The syntax in which this text contains a call; None if it contains no call in a known syntax.

    >>> spelling_of("Thought: look\\nAction: search\\nAction Input: {}"), spelling_of("It is 12 degrees.")
    ('react', None)
    """
    whole = leading_thought(text)[1]
    for name, part, pattern in SPELLINGS:
        if part in text and (pattern is None or (pattern.match(whole) if name in _AT_START else pattern.search(text))):
            return name
    return None


# Every text with a call has one of these.
SIGNS = tuple(dict.fromkeys(sign for sign in (*(hint for grammar in GRAMMARS for hint in grammar.hints), *(part for _, part, _ in SPELLINGS)) if sign != BARE))
# The signs by a character that a text with one of them has, for few texts have any of these; tags are looked for all at once.
_TAGS = re.compile(f"<(?:{'|'.join(re.escape(sign[1:]) for sign in SIGNS if sign.startswith('<'))})")
_BESIDE_TAG = tuple(sign for sign in SIGNS if sign == "invoke name=")
_IN_BRACKETS = tuple(sign for sign in SIGNS if sign.startswith(("[", ")")) or sign == "Action")
_IN_BRACES = tuple(sign for sign in SIGNS if sign.strip('"\n') in ("arguments", "parameters", "function", "action_input", "{"))
_ALONE = ("Action Input:", "```tool_code", "✿FUNCTION✿")


def may_contain_call(text: str) -> bool:
    """Whether a text has a sign that every syntax needs; most answers have none. It is asked of every answer."""
    if "<" in text and (_TAGS.search(text) or _has(text, _BESIDE_TAG)):
        return True
    if ("[" in text and _has(text, _IN_BRACKETS)) or ("{" in text and _has(text, _IN_BRACES)):
        return True
    return _has(text, _ALONE) or (text.endswith(BARE) and _BARE.match(text) is not None)


def _has(text: str, signs: tuple[str, ...]) -> bool:
    for sign in signs:  # a loop is faster than any()
        if sign in text:
            break
    else:
        return False
    return True
