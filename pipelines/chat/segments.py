"""What a row is written with, before it is ids: control tokens by name, texts, and the slots of images.

A text between two control tokens is encoded in one piece, as upstream tokenizes its rendered string, or in parts where the tokenizer
cuts it in any case; what it spells never becomes a control token. Ids, spans and trained stretches grow together: a position is noted when it is written, never searched for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipelines.records import IGNORE_INDEX, Ids, Noun, Span, TurnSpan
from pipelines.tokenizers import RawIds

ID_BYTES = 4  # of an id as it lies in memory


class Control(Noun, frozen=True):
    """A control token; `trained` where the model must learn to write it."""

    name: str
    trained: bool = False


class Text(Noun, frozen=True):
    """A text, and the control token that opens it if there is one. Of a trained one the first `skip` tokens are its header and are not trained."""

    text: str
    trained: bool = False
    skip: int = 0
    opener: Control | None = None


class Shared(Noun, frozen=True):
    """A text that many conversations share: its ids are kept. Where one follows another, it begins with `## ` after the end of a line."""

    text: str


class Slots(Noun, frozen=True):
    """`size` placeholder tokens of one view of an image."""

    image: int
    name: str
    size: int


class TurnStart(Noun, frozen=True):
    """The beginning of a turn; of what follows, the first `header` tokens are not its own text."""

    message: int
    role: str
    trained: bool = False
    header: int = 0
    weight: float | None = None


class TurnEnd(Noun, frozen=True):
    """The end of a turn's own text, before the token that ends the turn."""


TURN_END = TurnEnd()
TEMPLATE = -1  # the message of a turn that the template adds

Segment = Control | Text | Shared | Slots | TurnStart | TurnEnd


class Row(Noun, frozen=True):
    """Ids with aligned labels; `spans[k]` are the views of image k, and `trained[k]` says whether turn k is trained."""

    input_ids: Ids
    labels: Ids
    spans: list[list[Span]]
    turns: list[TurnSpan]
    trained: list[bool]


def texts_of(segments: Sequence[Segment]) -> list[str]:
    """What must be encoded of these segments, in their order, beside what they share with others."""
    return [segment.text for segment in segments if type(segment) is Text]


def joined(segments: Sequence[Segment]) -> list[Segment]:
    """These segments for a tokenizer that may not cut before a heading: what follows one another and is shared is shared as a whole."""
    found: list[Segment] = []
    for segment in segments:
        before = found[-1] if found else None
        if isinstance(segment, Shared) and isinstance(before, Shared):
            found[-1] = Shared(before.text + segment.text)
        else:
            found.append(segment)
    return found


def assemble(segments: Sequence[Segment], texts: Sequence[RawIds], images: int, control: Mapping[str, bytes], shared: Mapping[str, bytes]) -> Row:
    """The row that these segments write: `texts` are the ids of `texts_of(segments)`, `control` those of the vocabulary's control tokens,
    `shared` those of the texts that are shared."""
    encoded = iter(texts)
    pieces: list[Any] = []  # bytes, and arrays that lie in memory as such
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
        elif isinstance(segment, Shared):
            ids_of_shared = shared[segment.text]
            pieces.append(ids_of_shared)
            end += len(ids_of_shared) // ID_BYTES
        else:
            pieces.append(control[segment.name] * segment.size)
            end += segment.size
            spans[segment.image].append(Span(start, end))
    # Many short arrays are joined three times as fast as memory than by numpy.
    ids = np.frombuffer(b"".join(pieces), dtype=np.int32)
    return Row(ids, _labels(ids, trained), spans, turns, trained_turns)


def _labels(ids: Ids, trained: Sequence[tuple[int, int]]) -> Ids:
    labels = np.empty(len(ids), dtype=np.int32)
    labels.fill(IGNORE_INDEX)
    for start, end in trained:
        labels[start:end] = ids[start:end]
    return labels
