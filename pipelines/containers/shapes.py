"""How JSON text is laid out: a record on each line, one array, or objects over many lines."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Literal

from pipelines.containers.pieces import BLANK, BOM

Shape = Literal["lines", "array", "objects"]

_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["\[\]{}]', re.DOTALL)
_OF_OBJECTS = re.compile(rb"\[[ \t\r\n]*(\{|\]|\Z)")
_FRAGMENT = re.compile(rb'[ \t]+\S|[\]}"]|[\[{][ \t\r]*$|.*,[ \t\r]*$')


def shape_of(head: bytes, is_all: bool, named_lines: bool) -> Shape:
    """The layout of a text that begins with `head`; `is_all` if that is the whole text, `named_lines` if its name ends like JSON Lines.

    A damaged JSON Lines file must still be read as lines: if its first line is incomplete, the next ones decide.

    >>> shape_of(b'{"a": 1}', True, False), shape_of(b'{\\n  "a": 1\\n}', True, True), shape_of(b'{"a": \\n{"b": 1}', True, False)
    ('lines', 'objects', 'lines')
    """
    text = head.removeprefix(BOM).lstrip(BLANK)
    first, newline, rest = text.partition(b"\n")
    lines = [line for line in rest.split(b"\n") if line.strip(BLANK)]
    if text.startswith(b"["):
        return "array" if _is_array(first, lines, named_lines) else "lines"
    if text.startswith(b"{") and newline and not is_record(first):
        return "objects" if _is_pretty(text, first, lines) else "lines"
    return "lines"


def is_record(line: bytes) -> bool:
    """Whether the line is exactly one object or list.

    >>> [is_record(line) for line in (b'{"a": "}"}', b'{"a": ', b'{}, ', b'[1] [2]', b' {"a": [{}]}\\r')]
    [True, False, False, False, True]
    """
    line = line.strip(BLANK)
    depth = 0
    for match in _TOKENS.finditer(line) if line[:1] in (b"{", b"[") else ():
        sign = match.group()
        if sign == b'"':  # a string that does not end
            return False
        depth += (sign in b"[{") - (sign in b"]}") if len(sign) == 1 else 0
        if depth <= 0:
            return match.end() == len(line)
    return False


def _is_array(first: bytes, others: list[bytes], named_lines: bool) -> bool:
    """Whether the text is one array. If every line is a list, each line is a record. A single line is an array, unless its name and elements say otherwise."""
    if is_record(first) and others:
        return not others[0].startswith((b"[", b"{"))
    if named_lines and not others:
        return _OF_OBJECTS.match(first) is not None
    return not named_lines or 2 * sum(map(is_record, others)) <= len(others)


def _is_pretty(text: bytes, first: bytes, others: list[bytes]) -> bool:
    """Whether the object continues after its first line. That line is incomplete, but in a damaged JSON Lines file it may be so too."""
    try:
        letters = text.decode("utf-8", "surrogateescape")
        _, end = json.JSONDecoder().raw_decode(letters)
    except (ValueError, RecursionError):
        # The object is longer than the head, or invalid: compare the number of lines that begin a record with the number of fragments.
        records = fragments = 0
        for before, line in pairwise([first, *others]):
            if _begins_anew(line, before) or (line.startswith(b'{"') and not line.rstrip(BLANK).endswith((b",", b"[", b"{", b":"))):
                records += 1
            elif _FRAGMENT.match(line) and not is_record(line):
                fragments += 1
        return fragments > records
    return "\n" in letters[:end]


def _begins_anew(line: bytes, before: bytes) -> bool:
    """Whether the line begins a record, because no JSON goes on like this: within an object, a bracket opens only after a colon, and a string ends on its line.

    >>> _begins_anew(b"{", b"{"), _begins_anew(b'{"b": 2,', b'{"a": 1,'), _begins_anew(b"{", b'{"a": ['), _begins_anew(b"{", b'{"a":')
    (True, True, False, False)
    """
    if not line.startswith((b"{", b"[")):
        return False
    innermost = _innermost(before)
    return innermost == b'"' or (innermost == b"{" and not before.rstrip(BLANK).endswith(b":"))


def _innermost(line: bytes) -> bytes:
    """The last bracket or quotation mark that the line opens and does not close; nothing where it closes all."""
    opened: list[bytes] = []
    for match in _TOKENS.finditer(line):
        sign = match.group()
        if sign == b'"':
            return sign
        if sign in (b"{", b"["):
            opened.append(sign)
        elif sign in (b"}", b"]") and opened:
            opened.pop()
    return opened[-1] if opened else b""
