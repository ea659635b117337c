"""What a row is written with, before it is ids: control tokens by name, texts, and the slots of images.

A text between two control tokens is encoded in one piece, as upstream tokenizes its rendered string; what it spells never
becomes a control token. Ids, labels and spans grow together, so a position is noted when it is written, never searched for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.records import IGNORE_INDEX, Span
from pipelines.tokenizers import Vocabulary


@dataclass(frozen=True, slots=True)
class Control:
    """A control token; `trained` where the model must learn to write it."""

    name: str
    trained: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A text. Of a trained one the first `skip` tokens are its header and are not trained."""

    text: str
    trained: bool = False
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Slots:
    """`count` placeholder tokens of one view of an image."""

    image: int
    name: str
    count: int


Segment = Control | Text | Slots


@dataclass(frozen=True, slots=True)
class Row:
    """Ids with aligned labels; `spans[k]` are the views of image k."""

    input_ids: list[int]
    labels: list[int]
    spans: list[list[Span]]


def assemble(segments: Sequence[Segment], images: int, vocabulary: Vocabulary) -> Row:
    """The row that these segments write. Every control name must be one of the vocabulary's."""
    encoded = iter(vocabulary.encode([segment.text for segment in segments if isinstance(segment, Text)]))
    row = Row([], [], [[] for _ in range(images)])

    def add(ids: Sequence[int], trained: bool) -> None:
        row.input_ids.extend(ids)
        row.labels.extend(ids if trained else [IGNORE_INDEX] * len(ids))

    for segment in segments:
        if isinstance(segment, Text):
            ids = next(encoded)
            add(ids[: segment.skip], trained=False)
            add(ids[segment.skip :], segment.trained)
        elif isinstance(segment, Control):
            add([vocabulary.specials[segment.name]], segment.trained)
        else:
            start = len(row.input_ids)
            add([vocabulary.specials[segment.name]] * segment.count, trained=False)
            row.spans[segment.image].append(Span(start, start + segment.count))
    return row
