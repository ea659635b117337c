"""What a processor writes in place of one picture's placeholder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pipelines.records import Grid, Noun, PatchSize, Span


class Part(NamedTuple):
    """`text`, one after another `times` times. `view` numbers the view whose placeholder tokens these are: 0 is the whole picture, then its slices
    row by row; None is any other text, such as tags around a view."""

    text: str
    times: int = 1
    view: int | None = None


class Replacement(Noun, frozen=True):
    """The text that stands in a row for one picture, in parts, because a picture may be 16,384 times the same token.

    `grid` and `target_sizes` are those of column `images`. `grid` is None if the picture is not sliced, or if the processor does not say how.
    `target_sizes` are the views in patches, source view first, then slices row by row; empty where the model takes no such sizes, because all of its
    views have one size.
    """

    parts: tuple[Part, ...]
    grid: Grid | None = None
    target_sizes: tuple[PatchSize, ...] = ()

    @property
    def text(self) -> str:
        """The whole replacement text."""
        return "".join([part.text * part.times for part in self.parts])

    @property
    def views(self) -> tuple[Span, ...]:
        """The characters [start, end) of `text` that are placeholder tokens, source view first, then slices row by row."""
        return self.spans([len(part.text) for part in self.parts])

    def spans(self, lengths: Sequence[int]) -> tuple[Span, ...]:
        """[start, end) of the placeholder tokens, where one copy of `parts[k].text` is `lengths[k]` long, in characters or in tokens: one span per
        view, source view first, then slices row by row. A view that other tokens part, such as Pixtral's after each row of patches, has one span per
        piece.

        >>> tile, whole = Part("<p>", 4, view=1), Part("<p>", 4, view=0)
        >>> Replacement((Part("<s>"), tile, Part("<global>"), whole, Part("</s>"))).spans([1, 1, 1, 1, 1])
        (Span(start=6, end=10), Span(start=1, end=5))
        """
        found: list[tuple[int, Span]] = []
        end = 0
        for part, length in zip(self.parts, lengths, strict=True):
            start, end = end, end + part.times * length
            if part.view is not None:
                found.append((part.view, Span(start, end)))
        return tuple([span for _, span in sorted(found)])
