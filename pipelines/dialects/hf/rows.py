"""A chat and the places of its tokens -> a row: its ids, what is trained, and the spans of its messages.

A token can hold the end of a header and the beginning of an answer: after `ASSISTANT: ` the answer `OK` begins with the token ` OK`. It is trained, as
it is in the mask of transformers, which asks for the token of the answer's first character. The row says so.
Source: huggingface/transformers tokenization_utils_base.py apply_chat_template, return_assistant_tokens_mask @ v5.23.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from pipelines.chat.segments import Row
from pipelines.dialects.hf.chat import Chat
from pipelines.dialects.hf.control import without_marks
from pipelines.dialects.hf.encoding import Placed
from pipelines.reasons import Reason, Reject
from pipelines.records import IGNORE_INDEX, Finding, TurnSpan
from pipelines.visible import counted

ROLES = {"tool": "observation"}


class TokenAt(NamedTuple):
    """The first token that begins at a character or later, and whether the token before it goes on there: it holds text from both sides."""

    first: int
    is_inside: bool


def find_places(placed: Placed, text: str, characters: Sequence[int], is_marked: bool = False) -> list[TokenAt]:
    """The token at each of these ascending characters of a render. Marks are not part of the tokens' text."""
    wanted: Sequence[int] = characters
    if is_marked or (placed.in_bytes and not text.isascii()):
        at, before, wanted = 0, 0, []
        for character in characters:
            part = text[before:character]
            part = without_marks(part) if is_marked else part
            at += len(part.encode()) if placed.in_bytes else len(part)
            before = character
            wanted.append(at)
    found = placed.starts.searchsorted(wanted)
    inside = (found > 0) & (placed.ends.take(found - 1, mode="clip") > wanted) if len(placed.ids) else found > 0
    return [TokenAt(*one) for one in zip(found.tolist(), inside.tolist(), strict=True)]


def make_row(chat: Chat, trained: Sequence[bool], after: int | None, placed: Placed) -> tuple[Row, tuple[Finding, ...]]:
    """The row of a chat whose tokens are placed, and what it says. `trained` tells for each entry whether it is, and `after` is the id that follows the
    chat. Raises Reject where an answer begins inside of a token of another message."""
    ids = placed.ids if after is None else np.append(placed.ids, np.int32(after))
    wanted = sorted({at for place in chat.places for at in (place.start, place.end, place.stop)})
    token_at = dict(zip(wanted, find_places(placed, chat.rendered.text, wanted, chat.is_marked), strict=True))
    labels = np.full(len(ids), IGNORE_INDEX, dtype=np.int32)
    spans: list[tuple[TurnSpan, bool]] = []
    merged: list[int] = []
    for entry, place, is_trained in zip(chat.entries, chat.places, trained, strict=True):
        (start, is_inside), end, stop = token_at[place.start], token_at[place.end].first, token_at[place.stop].first
        if is_trained:
            if is_inside and place.start < place.stop:
                start -= 1
                merged.append(entry.place)
                if any(token_at[other.start].first <= start < token_at[other.end].first for other in chat.places if other is not place):
                    raise Reject(Reason.TOKENS_TEMPLATE_UNDECIDED.at(f"messages[{entry.place}]", "its first token also holds the end of another message"))
            labels[start:stop] = ids[start:stop]
        spans.append((TurnSpan(entry.place, ROLES.get(entry.role, entry.role), start, max(start, end), entry.weight), is_trained))
    if after is not None and trained[-1]:
        labels[-1] = ids[-1]
    return Row(ids, labels, [], *_in_order(spans)), _said(merged)


def _said(merged: Sequence[int]) -> tuple[Finding, ...]:
    if not merged:
        return ()
    return (Reason.TOKENS_HEADER_MERGED.at(f"messages[{merged[0]}]", f"the first token of {counted(len(merged), 'answer')}"),)


def _in_order(spans: list[tuple[TurnSpan, bool]]) -> tuple[list[TurnSpan], list[bool]]:
    """The spans in text order, and whether each is trained. A template may write a system text twice, or inside of a question: what belongs to a span
    before is left out."""
    turns: list[TurnSpan] = []
    end = 0
    spans = sorted(spans, key=lambda span: span[0].start)
    for turn, is_trained in spans:
        if turn.start < end and not is_trained:
            turn = replace(turn, start=end, end=max(end, turn.end))
        turns.append(turn)
        end = turn.end
    return turns, [is_trained for _, is_trained in spans]
