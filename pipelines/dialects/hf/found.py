"""Whether a render has a text or a call whole: as it is, without blanks at its ends, or as JSON writes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from pipelines.dialects.hf.messages import Call

Range = tuple[int, int]


def find_text(text: str, wanted: str, start: int, end: int) -> Range | None:
    """The first place of `wanted` in text[start:end]; None if it is not there. Templates trim texts, and some write them as JSON.

    >>> find_text("user: spaced x", "  spaced \\n", 0, 14), find_text('tool: "a\\\\"b"', 'a"b', 0, 12), find_text("user:", "gone", 0, 5)
    ((6, 12), (7, 11), None)
    """
    for form in forms_of(wanted):
        at = text.find(form, start, end)
        if at >= 0:
            return at, at + len(form)
    return None


def forms_of(wanted: str) -> Iterator[str]:
    """A text as templates write it: as it is, without blanks at its ends, and as JSON writes it."""
    yield wanted
    bare = wanted.strip()
    if bare != wanted:
        yield bare
    for ascii_only in (False, True):
        for form in dict.fromkeys((wanted, bare)):
            escaped = json.dumps(form, ensure_ascii=ascii_only)[1:-1]
            if escaped != form:
                yield escaped


def find_call(text: str, call: Call, start: int, end: int) -> int | None:
    """Where the call ends in text[start:end]: its name, and then its arguments as one JSON text, or every key and value of them. None if
    something is missing."""
    name = find_text(text, call.name, start, end)
    if name is None:
        return None
    arguments = call.arguments
    whole = text.find(call.text, name[1], end)
    if whole >= 0:
        return whole + len(call.text)
    rendered = json.dumps(arguments, ensure_ascii=False)
    whole = text.find(rendered, name[1], end)
    if whole >= 0:
        return whole + len(rendered)
    return _find_parts(text, arguments, name[1], end)


def _find_parts(text: str, arguments: Any, start: int, end: int) -> int | None:
    """The end of the last of these keys and values, each found after the name; None if one is missing. They are looked for after one another first,
    which takes a time that is linear in the text where the template keeps their order."""
    last = start
    for forms in _parts(arguments):
        found = next((at + len(form) for first in (last, start) for form in forms if (at := text.find(form, first, end)) >= 0), None)
        if found is None:
            return None
        last = max(last, found)
    return last


def _parts(value: Any) -> Iterator[list[str]]:
    """Each key and value, in the ways that templates write it: true and True, 1.0 and 1."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield list(forms_of(key))
            yield from _parts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _parts(item)
    elif isinstance(value, str):
        yield list(forms_of(value))
    else:
        spell: Callable[[Any], str] = json.dumps
        yield list(dict.fromkeys((spell(value), str(value), repr(value))))
