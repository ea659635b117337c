"""Tells which added tokens of a vocabulary are control tokens and which are words.

A tokenizer.json marks control tokens as `special`, but not all of them: it does not mark Qwen3's <tool_call> and </think> or DeepSeek's
<｜User｜>. Text in data must never become such a token. So every token with the form of one counts as one: `<…>`, `<|…|>`, `<｜…｜>` and
`[…]` without spaces. All other added tokens are words and keep their ids in data. These include runs of spaces, and HTML tags, which
Gemma's vocabulary has as words.
"""

from __future__ import annotations

import re

import orjson

# It contains a letter or a digit, or has bars. `[1]`, `<->` and `<>` are words.
_SPELLING = re.compile(r"<[|｜]\S+[|｜]>|<[^\s<>]*\w[^\s<>]*>|\[[^\s\[\]]*[^\W\d_][^\s\[\]]*\]")
_HTML = re.compile(r"</?(?:table|caption|thead|tbody|tfoot|tr|th|td|h[1-6]|blockquote|strong|em|b|i|u|s|sub|sup|code)>")
RULE = (_SPELLING.pattern, _HTML.pattern)


def is_control(name: str, special: bool) -> bool:
    """Whether an added token with this name is a control token. `special` is its mark in tokenizer.json.

    >>> [is_control(name, special=False) for name in ("<tool_call>", "</think>", "<｜User｜>", "<|fim_pad|>", "[TOOL]")]
    [True, True, True, True, True]
    >>> [is_control(name, special=False) for name in ("    ", "weather", "<td>", "[1]", "<a b>", "|||EMAIL|||")]
    [False, False, False, False, False, False]
    """
    return special or (_SPELLING.fullmatch(name) is not None and not _HTML.fullmatch(name))


def mark_control_tokens(data: bytes) -> bytes:
    """This tokenizer.json with all control tokens marked as `special`, because only the text of a marked token can be encoded as text."""
    parts = orjson.loads(data)
    unmarked = [token for token in parts["added_tokens"] if is_control(token["content"], token["special"]) and not token["special"]]
    if not unmarked:
        return data
    for token in unmarked:
        token["special"] = True
    return orjson.dumps(parts)
