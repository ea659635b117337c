"""What a grammar finds in the text of an answer, and the scanning that the grammars share. Nothing here is evaluated, and every function takes linear time."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple


class CallText(NamedTuple):
    """One call in a text, at [start, end) with its tags.

    With a `name`, `text` has the arguments as JSON or as a Python literal; without, it is an object of name and arguments, or a list of them. Arguments that
    are written one by one are in `values`, as they are written. `result` is a result that the same text gives after the call.
    """

    start: int
    end: int
    name: str | None = None
    text: str = ""
    values: tuple[tuple[str, str], ...] | None = None
    result: str | None = None


class Grammar(NamedTuple):
    """A way to write calls in text. A text without any of `hints` has none of its calls.

    `is_explicit`: its tags mean nothing but a call. `reads_json`: an undeclared argument of `values` is JSON if it can be; else it is text.
    `find` returns the calls of a text, or [] where the text is not of this grammar. It need not check that JSON is valid.
    """

    name: str
    hints: tuple[str, ...]
    find: Callable[[str], list[CallText]]
    is_explicit: bool = True
    reads_json: bool = False


# A string without a closing quote takes the rest of the text, so that no text is scanned twice.
_JSON_SIGNS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\]]', re.DOTALL)
_LITERAL_SIGNS = re.compile(r""""(?:[^"\\]++|\\.)*+"?|'(?:[^'\\]++|\\.)*+'?|[{}\[\]]""", re.DOTALL)
_FIRST_QUOTE = re.compile(r"""[\s{\[]*+(['"])""")
SPACE = re.compile(r"\s*+")


def end_of_value(text: str, at: int) -> int | None:
    """Where the object or list that begins here ends, in JSON or as a Python literal; None if none begins here, or it has no end.

    >>> end_of_value('f {"a": "}"} x', 2), end_of_value("{'a': '}'}", 0), end_of_value("{", 0)
    (12, 10, None)
    """
    if text[at : at + 1] not in ("{", "["):
        return None
    first = _FIRST_QUOTE.match(text, at)
    depth = 0
    for match in (_LITERAL_SIGNS if first and first[1] == "'" else _JSON_SIGNS).finditer(text, at):
        sign = match.group()
        depth += (sign in ("{", "[")) - (sign in ("}", "]"))
        if depth == 0:
            return match.end()
    return None


def skip_space(text: str, at: int) -> int:
    match = SPACE.match(text, at)
    return match.end() if match else at


def values_in(text: str, at: int, end: int, between: str = ",;") -> list[CallText]:
    """The objects and lists that make up text[at:end], with blanks and the signs `between` between them; [] if there is anything else."""
    found: list[CallText] = []
    at = skip_space(text, at)
    while at < end:
        stop = end_of_value(text, at)
        if stop is None or stop > end:
            return []
        found.append(CallText(at, stop, text=text[at:stop]))
        at = skip_space(text, stop)
        if at < end and text[at] in between:
            found[-1] = found[-1]._replace(end=at + 1)
            at = skip_space(text, at + 1)
    return found


def tagged(text: str, opening: str, closing: str) -> list[CallText]:
    """The calls between these tags, each of one or more objects. The last closing tag may be missing at the end of the text."""
    found: list[CallText] = []
    at = text.find(opening)
    while at >= 0:
        begin = at + len(opening)
        end = text.find(closing, begin)
        stop = len(text) if end < 0 else end + len(closing)
        calls = values_in(text, begin, len(text) if end < 0 else end)
        if not calls:
            return []
        found += spread(calls, at, stop)
        at = text.find(opening, stop)
    return found


def spread(calls: Sequence[CallText], start: int, end: int) -> list[CallText]:
    """The calls, with the text around them from `start` to `end` as part of the first and of the last."""
    spread = list(calls)
    spread[0] = spread[0]._replace(start=start)
    spread[-1] = spread[-1]._replace(end=end)
    return spread


def wrapped(text: str, calls: Sequence[CallText], openings: Sequence[str], closings: Sequence[str]) -> list[CallText]:
    """The calls, with these tags directly around all of them as part of the first and of the last."""
    if not calls:
        return []
    before = text[: calls[0].start].rstrip()
    start = next((len(before) - len(opening) for opening in openings if before.endswith(opening)), calls[0].start)
    after = skip_space(text, calls[-1].end)
    end = next((after + len(closing) for closing in closings if text.startswith(closing, after)), calls[-1].end)
    return spread(calls, start, end)


def pairs_in(text: str, at: int, key: re.Pattern[str], between: str, closing: str) -> tuple[tuple[tuple[str, str], ...], int] | None:
    """The arguments written from here on as key, `between`, value, `closing`: (pairs, where they end); None if one has no end.

    Group 1 of `key` is the argument's name.
    """
    pairs: list[tuple[str, str]] = []
    at = skip_space(text, at)
    while match := key.match(text, at):
        begin = match.end()
        if between:
            begin = skip_space(text, begin)
            if not text.startswith(between, begin):
                return None
            begin += len(between)
        end = text.find(closing, begin)
        if end < 0:
            return None
        pairs.append((match[1], text[begin:end]))
        at = skip_space(text, end + len(closing))
    return tuple(pairs), at


def trim_lines(text: str) -> str:
    r"""The text without one newline at its beginning and one at its end, which templates write around values.

    >>> trim_lines("\n a\n\n")
    ' a\n'
    """
    return text.removeprefix("\n").removesuffix("\n")


def calls_with_head_and_tail(text: str, opening: str, head: re.Pattern[str], tail: re.Pattern[str]) -> list[CallText]:
    """The calls that consist of a head, whose first group is the name, of JSON and of a tail; none if one that opens is not whole."""
    found: list[CallText] = []
    at = text.find(opening)
    while at >= 0:
        begun = head.match(text, at)
        end = end_of_value(text, begun.end()) if begun else None
        ended = tail.match(text, end) if end is not None else None
        if begun is None or ended is None:
            return []
        found.append(CallText(at, ended.end(), begun[1], text[begun.end() : end]))
        at = text.find(opening, ended.end())
    return found
