"""Whether a render has a text or a call whole: as it is, without blanks at its ends, or as JSON writes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pipelines.dialects.hf.messages import Call

Range = tuple[int, int]
NEAR = 64  # characters between a call's name and its arguments


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
    if name[1] <= whole <= name[1] + NEAR:
        return whole + len(call.text)
    rendered = json.dumps(arguments, ensure_ascii=False)
    # What is far away may belong to another call, as `{}` may.
    found = [at + len(form) for at, form in ((whole, call.text), (text.find(rendered, name[1], end), rendered)) if at >= 0]
    parts = _find_parts(text, arguments, name[1], end)
    return min([*found, *([] if parts is None else [parts])], default=None)


def _find_parts(text: str, arguments: Any, start: int, end: int) -> int | None:
    """The end of the last of these keys and values, each found after the name; None if one is missing. They are looked for after one another first,
    which takes a time that is linear in the text where the template keeps their order."""
    last = start
    for forms in _parts(arguments):
        found = next((ends[0] for first in (last, start) if (ends := _ends(text, forms, first, end))), None)
        if found is None:
            return None
        last = max(last, found)
    return last


def _ends(text: str, forms: Sequence[str], start: int, end: int) -> list[int]:
    """Where these forms end in text[start:end], the first to begin first."""
    places = [(text.find(form, start, end), len(form)) for form in forms]
    return [at + length for at, length in sorted(places) if at >= 0]


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
