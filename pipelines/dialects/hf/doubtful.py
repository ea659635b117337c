"""Texts that a template might also write by itself, such as `user` or `<`: a second render with other texts in their place tells where they are.

    <|im_start|>user\\nuser<|im_end|>   the text `user` is here twice
    <|im_start|>user\\nzq0x0x0zq<|im_end|>   so the text is where the stand-in is

The answer counts only if the stand-ins are all that differs between the two renders.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from msgspec.structs import replace

from pipelines.chat.segments import Control
from pipelines.dialects.hf.found import forms_of
from pipelines.dialects.hf.marking import Rendered
from pipelines.dialects.hf.messages import Entry
from pipelines.dialects.hf.places import Place, left_out
from pipelines.reasons import Reject

LONGEST = 24  # characters; a longer text is hardly a part of what a template writes
Render = Callable[[Sequence[Entry]], Rendered]


class _Found(NamedTuple):
    """A text of an entry in the render."""

    entry: int
    text: int
    start: int
    end: int


def doubtful_entries(entries: Sequence[Entry], rendered: Rendered, places: Sequence[Place], literal: str) -> list[int]:
    """The entries that the model reads with a text that is in its message more than once, or in what the template writes by itself."""
    ends = {piece.message: piece.end for piece in rendered.pieces}
    return [
        i
        for i, (entry, place) in enumerate(zip(entries, places, strict=True))
        if entry.role != "assistant" and any(_is_doubtful(text.strip(), rendered.text, place, ends.get(i, place.end), literal) for text in entry.texts)
    ]


def _is_doubtful(text: str, rendered: str, place: Place, end: int, literal: str) -> bool:
    return bool(text) and ((len(text) <= LONGEST and text in literal) or rendered.find(text, place.start + 1, max(end, place.end)) >= 0)


def find_doubtful(entries: Sequence[Entry], rendered: Rendered, doubtful: Sequence[int], render: Render) -> Mapping[int, Place]:
    """The places of these entries; nothing if other texts change more of what the template writes. Raises Reject where the template leaves one out."""
    lead = next(lead for n in count() if (lead := f"zq{n}x") not in rendered.text)
    given = [_with_stand_ins(entry, lead, i) if i in doubtful else entry for i, entry in enumerate(entries)]
    try:
        found = _compare(rendered.text, render(given).text, lead, entries)
    except Reject:
        return {}
    if found is None:
        return {}
    return {i: _place(i, entries[i], rendered, [one for one in found if one.entry == i]) for i in doubtful}


def _with_stand_ins(entry: Entry, lead: str, i: int) -> Entry:
    """The entry with a stand-in for each of its texts, which keeps the blanks around it."""
    pictures = [part for part in entry.parts if isinstance(part, int)]
    parts: list[str | int | Control] = []
    for k, text in enumerate(entry.texts):
        bare = text.strip()
        parts += pictures[k - 1 : k] if k else []
        parts.append(text.replace(bare, f"{lead}{i}x{k}zq") if bare else text)
    return replace(entry, parts=tuple(parts))


def _compare(text: str, other: str, lead: str, entries: Sequence[Entry]) -> list[_Found] | None:
    """Where the texts of the stand-ins are; None if the two renders differ in anything else."""
    found: list[_Found] = []
    at = 0
    pieces = re.split(rf"{lead}(\d+)x(\d+)zq", other)
    if not text.startswith(pieces[0]):
        return None
    at = len(pieces[0])
    for entry, number, between in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        wanted = entries[int(entry)].texts[int(number)].strip()
        form = next((form for form in forms_of(wanted) if text.startswith(form, at) and text.startswith(between, at + len(form))), None)
        if form is None:
            return None
        found.append(_Found(int(entry), int(number), at, at + len(form)))
        at += len(form) + len(between)
    return found if at == len(text) else None


def _place(i: int, entry: Entry, rendered: Rendered, found: Sequence[_Found]) -> Place:
    """The place of an entry: in its own message if its texts are there, or else where they are first."""
    own = [(piece.start, piece.end) for piece in rendered.pieces if piece.message == i]
    wanted = [k for k, text in enumerate(entry.texts) if text.strip()]
    inside = [one for one in found if any(start <= one.start < end for start, end in own)]
    for candidates in (inside, found):
        first = next((one for one in candidates if one.text == wanted[0]), None)
        last = next((one for one in candidates if first is not None and one.text == wanted[-1] and one.start >= first.start), None)
        if first is not None and last is not None:
            return Place(first.start, last.end, last.end)
    return left_out(entry, own[0][0] if own else 0)
