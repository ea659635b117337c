"""JSON with the fast parser, if it certainly gives what the careful parser (careful.py) would give; in doubt, the careful one is used.

orjson refuses what JSON does not allow. But it silently keeps the last of equal keys, nests deeper than our limit, and rounds long
numbers. So its value is used only if it is not too deep, if no number is so large that it could have been rounded, and if it has as many
quotes as the text when it is written again: a key that appears twice would lose at least two.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

NOT_PLAIN: Final = object()
_EXACT = 2.0**53  # integers that orjson turns into floats are far larger
_DEEPEST = 250  # orjson can read deeper values, but not write them
_STRIDE = 64
# A number of 1,000 characters covers this many consecutive samples; hardly anything else does.
_LONG_NUMBER = re.compile(rb"[0-9.eE+-]{15}")
_SHORT = 15 * _STRIDE  # a shorter text has no room for such a number
_HIDDEN_QUOTE = b"\\u0022"  # the only escape that hides a quote; orjson never writes it


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
    """Whether this value is not too deep, and contains no float that may have been an integer."""
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
