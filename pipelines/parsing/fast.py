"""JSON by the fast parser, where it surely says what the careful one (parse.py) would say; any doubt goes to the careful one.

orjson refuses what JSON does not allow, but it keeps the last of equal keys, nests deeper than our limit and rounds long numbers,
all without a word. So its value is taken only where it is no deeper than allowed, where no number is of a size that could have
been rounded, and where, written again, it has as many quotes as the text: what a second key drops has two at least.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

NOT_PLAIN: Final = object()
_EXACT = 2.0**53  # an integer that orjson must make a float of is far beyond
_DEEPEST = 250  # orjson reads what is deeper, and refuses to write it
_STRIDE = 64
# A number of 1,000 characters covers so many samples in a row; hardly anything else does.
_LONG_NUMBER = re.compile(rb"[0-9.eE+-]{15}")
_SHORT = 15 * _STRIDE  # a text that has no room for such a number
_HIDDEN_QUOTE = b"\\u0022"  # the one way to write a quote without one; it is never written again so


def plain_json(data: bytes, most_depth: int) -> Any:
    """The object or list that this text is, or NOT_PLAIN."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return NOT_PLAIN
    if not isinstance(value, (dict, list)) or (len(data) > _SHORT and _LONG_NUMBER.search(data[::_STRIDE])):
        return NOT_PLAIN
    if not _is_exact(value, min(most_depth, _DEEPEST)):
        return NOT_PLAIN
    return value if _HIDDEN_QUOTE not in data and data.count(b'"') == orjson.dumps(value).count(b'"') else NOT_PLAIN


def _is_exact(value: Any, most_depth: int) -> bool:
    """Whether this value is no deeper, and holds no float that an integer may have become."""
    level = [value]
    for _ in range(most_depth):
        deeper: list[Any] = []
        for box in level:
            for item in box.values() if type(box) is dict else box:
                kind = type(item)
                if kind is dict or kind is list:
                    deeper.append(item)
                elif kind is float and not -_EXACT < item < _EXACT:
                    return False
        if not deeper:
            return True
        level = deeper
    return False
