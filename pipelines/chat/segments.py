"""The parts of a row before they become ids: control tokens by name, texts, and the placeholders of images.

A text between two control tokens is encoded in one piece, as upstream tokenizes its rendered string, or in parts at places where the
tokenizer cuts it anyway. If a text contains the name of a control token, that stays text. Ids, spans and trained ranges grow together: a
position is recorded when it is written, and never searched for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from pipelines.records import IGNORE_INDEX, Ids, Noun, Span, TurnSpan
from pipelines.tokenizers import RawIds

ID_BYTES = 4  # of an id in memory


class Control(Noun, frozen=True):
    """A control token. It is `trained` if the model must learn to write it."""

    name: str
    trained: bool = False


class Text(Noun, frozen=True):
    """A text, and the control token before it if there is one. The first `skip` tokens of a trained text are its header and are not trained."""

    text: str
    trained: bool = False
    skip: int = 0
    opener: Control | None = None


class CachedText(Noun, frozen=True):
    """A text that many conversations have in common, so its ids are cached. If it follows another one, that ends with a newline, and it begins
    with `## `."""

    text: str


class Slots(Noun, frozen=True):
    """The placeholder tokens of one view of an image, `size` of them."""

    image: int
    name: str
    size: int


class TurnStart(Noun, frozen=True):
    """The beginning of a turn. The first `header` tokens after it are not part of the turn's own text."""

    message: int
    role: str
    trained: bool = False
    header: int = 0
    weight: float | None = None


class TurnEnd(Noun, frozen=True):
    """The end of a turn's own text, before the token that ends the turn."""


TURN_END = TurnEnd()
TEMPLATE = -1  # the message of a turn that the template adds

Segment = Control | Text | CachedText | Slots | TurnStart | TurnEnd


class Row(Noun, frozen=True):
    """Ids with aligned labels. `spans[k]` are the spans of the views of image k, and `trained[k]` says whether turn k is trained."""

    input_ids: Ids
    labels: Ids
    spans: list[list[Span]]
    turns: list[TurnSpan]
    trained: list[bool]


def texts_of(segments: Sequence[Segment]) -> list[str]:
    """The texts of these segments that must be encoded, in their order."""
    return [segment.text for segment in segments if type(segment) is Text]


def cached_texts_of(segments: Sequence[Segment]) -> list[str]:
    return [segment.text for segment in segments if type(segment) is CachedText]


def joined(segments: Sequence[Segment]) -> list[Segment]:
    """These segments for a tokenizer that may not cut a text before a heading: cached texts that follow one another become one."""
    found: list[Segment] = []
    for are_cached, run in groupby(segments, lambda segment: type(segment) is CachedText):
        if are_cached:
            found.append(CachedText("".join(cached_texts_of(list(run)))))
        else:
            found += run
    return found


def assemble(segments: Sequence[Segment], texts: Sequence[RawIds], images: int, control: Mapping[str, bytes], cached: Mapping[str, bytes]) -> Row:
    """The row that these segments write. `texts` are the ids of `texts_of(segments)`, `control` those of the vocabulary's control tokens, and
    `cached` those of cached texts."""
    encoded = iter(texts)
    pieces: list[Any] = []  # bytes and arrays, which have the same form in memory
    trained: list[tuple[int, int]] = []
    spans: list[list[Span]] = [[] for _ in range(images)]
    turns: list[TurnSpan] = []
    trained_turns: list[bool] = []
    turn, own = TurnStart(TEMPLATE, "system"), 0
    end = 0
    for segment in segments:
        start = end
        if isinstance(segment, Text):
            if (opener := segment.opener) is not None:
                pieces.append(control[opener.name])
                end += 1
                if opener.trained:
                    trained.append((start, end))
                start = end
            ids_of_text = next(encoded)
            pieces.append(ids_of_text)
            end += len(ids_of_text)
            if segment.trained:
                trained.append((start + segment.skip, end))
        elif isinstance(segment, Control):
            pieces.append(control[segment.name])
            end += 1
            if segment.trained:
                trained.append((start, end))
        elif isinstance(segment, TurnStart):
            turn, own = segment, end + segment.header
        elif isinstance(segment, TurnEnd):
            turns.append(TurnSpan(turn.message, turn.role, own if own < end else end, end, turn.weight))
            trained_turns.append(turn.trained)
        elif isinstance(segment, CachedText):
            ids_of_cached = cached[segment.text]
            pieces.append(ids_of_cached)
            end += len(ids_of_cached) // ID_BYTES
        else:
            pieces.append(control[segment.name] * segment.size)
            end += segment.size
            spans[segment.image].append(Span(start, end))
    # Joining many short arrays as bytes is three times as fast as with numpy.
    ids = np.frombuffer(b"".join(pieces), dtype=np.int32)
    return Row(ids, _labels(ids, trained), spans, turns, trained_turns)


def _labels(ids: Ids, trained: Sequence[tuple[int, int]]) -> Ids:
    labels = np.empty(len(ids), dtype=np.int32)
    labels.fill(IGNORE_INDEX)
    for start, end in trained:
        labels[start:end] = ids[start:end]
    return labels
