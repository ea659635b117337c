"""Which added tokens of a vocabulary control the model and which are words of it.

A tokenizer.json marks control tokens `special`, but not all of them: Qwen3's <tool_call> and </think> and DeepSeek's <｜User｜> are not
marked. What data spells must never become such a token. So a token that is spelled like one is one: `<…>`, `<|…|>`, `<｜…｜>` and `[…]`
without blanks. Everything else that is added is vocabulary, such as runs of blanks and words, and so are the tags of HTML, which Gemma's
vocabulary has as words: in data these keep their ids.
"""

from __future__ import annotations

import re

import orjson

# Something in it is a letter or a digit, or it is between bars; `[1]`, `<->` and `<>` are words.
_SPELLING = re.compile(r"<[|｜]\S+[|｜]>|<[^\s<>]*\w[^\s<>]*>|\[[^\s\[\]]*[^\W\d_][^\s\[\]]*\]")
_HTML = re.compile(r"</?(?:table|caption|thead|tbody|tfoot|tr|th|td|h[1-6]|blockquote|strong|em|b|i|u|s|sub|sup|code)>")
RULE = (_SPELLING.pattern, _HTML.pattern)


def is_control(name: str, special: bool) -> bool:
    """Whether an added token with this name is a control token; `special` is what its tokenizer.json says.

    >>> [is_control(name, special=False) for name in ("<tool_call>", "</think>", "<｜User｜>", "<|fim_pad|>", "[TOOL]")]
    [True, True, True, True, True]
    >>> [is_control(name, special=False) for name in ("    ", "weather", "<td>", "[1]", "<a b>", "|||EMAIL|||")]
    [False, False, False, False, False, False]
    """
    return special or (_SPELLING.fullmatch(name) is not None and not _HTML.fullmatch(name))


def mark_control_tokens(data: bytes) -> bytes:
    """This tokenizer.json with all its control tokens marked `special`: what spells a marked token can be encoded as text."""
    parts = orjson.loads(data)
    unmarked = [token for token in parts["added_tokens"] if is_control(token["content"], token["special"]) and not token["special"]]
    if not unmarked:
        return data
    for token in unmarked:
        token["special"] = True
    return orjson.dumps(parts)
