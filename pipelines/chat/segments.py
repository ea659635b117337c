"""What a row is written with, before it is ids: control tokens by name, texts, and the slots of images.

A text between two control tokens is encoded in one piece, as upstream tokenizes its rendered string; what it spells never
becomes a control token. Ids, spans and trained stretches grow together: a position is noted when it is written, never searched for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from pipelines.records import IGNORE_INDEX, Ids, Span
from pipelines.tokenizers import Vocabulary


class Control(NamedTuple):
    """A control token; `trained` where the model must learn to write it."""

    name: str
    trained: bool = False


class Text(NamedTuple):
    """A text. Of a trained one the first `skip` tokens are its header and are not trained."""

    text: str
    trained: bool = False
    skip: int = 0


class Slots(NamedTuple):
    """`size` placeholder tokens of one view of an image."""

    image: int
    name: str
    size: int


Segment = Control | Text | Slots


@dataclass(frozen=True, slots=True)
class Row:
    """Ids with aligned labels; `spans[k]` are the views of image k."""

    input_ids: Ids
    labels: Ids
    spans: list[list[Span]]


def assemble(segments: Sequence[Segment], images: int, vocabulary: Vocabulary) -> Row:
    """The row that these segments write. Every control name must be one of the vocabulary's."""
    specials, encoded = vocabulary.specials, iter(vocabulary.encode([segment.text for segment in segments if isinstance(segment, Text)]))
    pieces: list[Ids] = []
    trained: list[tuple[int, int]] = []
    spans: list[list[Span]] = [[] for _ in range(images)]
    end = 0
    for segment in segments:
        start = end
        if isinstance(segment, Text):
            piece = next(encoded)
            end += len(piece)
            if segment.trained:
                trained.append((start + segment.skip, end))
        elif isinstance(segment, Control):
            piece = _repeated(specials[segment.name], 1)
            end += 1
            if segment.trained:
                trained.append((start, end))
        else:
            piece = _repeated(specials[segment.name], segment.size)
            end += segment.size
            spans[segment.image].append(Span(start, end))
        pieces.append(piece)
    ids = np.concatenate(pieces)
    return Row(ids, _labels(ids, trained), spans)


def _labels(ids: Ids, trained: Sequence[tuple[int, int]]) -> Ids:
    labels = np.full_like(ids, IGNORE_INDEX)
    for start, end in trained:
        labels[start:end] = ids[start:end]
    return labels


@lru_cache(maxsize=1024)
def _repeated(token: int, count: int) -> Ids:
    """Shared, so nobody may write into it."""
    ids = np.full(count, token, dtype=np.int32)
    ids.flags.writeable = False
    return ids
