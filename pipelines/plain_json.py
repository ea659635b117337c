"""JSON by the fast parser, where it surely says what the careful one (parse.py) would say; any doubt goes to the careful one.

orjson refuses what JSON does not allow, but it keeps the last of equal keys, nests deeper than our limit and rounds long numbers,
all without a word. So its value is taken only where the text holds as many keys as the value, which is no deeper than allowed,
and no number is of a size that it could have rounded.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

NOT_PLAIN: Final = object()
_EXACT = 2.0**53  # an integer that orjson must make a float of is far beyond
_STRIDE = 64
# A number of 1,000 characters covers so many samples in a row; hardly anything else does.
_LONG_NUMBER = re.compile(rb"[0-9.eE+-]{15}")
_SPACED_KEY = re.compile(rb'"[ \t\n\r]+:')
_ESCAPED = re.compile(rb'(\\+)":')


def plain_json(data: bytes, most_depth: int) -> Any:
    """The object or list that this text is, or NOT_PLAIN."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return NOT_PLAIN
    if not isinstance(value, (dict, list)) or _LONG_NUMBER.search(data[::_STRIDE]):
        return NOT_PLAIN
    keys = _count_keys(value, most_depth)
    return value if keys >= 0 and keys == _written_keys(data) else NOT_PLAIN


def _count_keys(value: Any, most_depth: int) -> int:
    """How many keys the objects in this value have; -1 where it is too deep, or holds a float that an integer may have become."""
    keys = depth = 0
    level = [value]
    while level:
        depth += 1
        if depth > most_depth:
            return -1
        deeper: list[Any] = []
        for box in level:
            if type(box) is dict:
                keys += len(box)
                box = box.values()
            for item in box:
                kind = type(item)
                if kind is dict or kind is list:
                    deeper.append(item)
                elif kind is float and not -_EXACT < item < _EXACT:
                    return -1
        level = deeper
    return keys


def _written_keys(data: bytes) -> int:
    """At least as many keys as this JSON text writes, and equal but for texts that begin with a colon; -1 where they cannot be counted so.

    In a text a quote always has its backslash, so `":` without one ends a key, or begins a text with a colon.
    """
    if _SPACED_KEY.search(data):
        return -1
    escaped = data.count(b'\\":')
    if escaped and b'\\\\":' in data and any(len(slashes) % 2 == 0 for slashes in _ESCAPED.findall(data)):
        return -1  # a key or text that ends in a backslash
    return data.count(b'":') - escaped
