"""What a processor writes in place of one picture's placeholder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pipelines.records import Grid, Noun, PatchSize, Span


class Part(NamedTuple):
    """`text`, one after another `times` times. `view` numbers the view whose tokens these are: 0 is the whole picture, then its slices row by row; None is text
    of no view, such as tags around it."""

    text: str
    times: int = 1
    view: int | None = None


class Replacement(Noun, frozen=True):
    """The text that stands in a row for one picture, in parts, because a picture is up to 16,384 times the same token.

    `grid` and `target_sizes` are those of column `images`: `grid` is None if the picture is not sliced, and `target_sizes` are the views in patches,
    source view first, then slices row by row. `target_sizes` is empty where the model takes no such sizes, because all its views have one size.
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
        """The characters [start, end) of `text` that hold the tokens of each view, source view first, then slices row by row."""
        return self.spans([len(part.text) for part in self.parts])

    def spans(self, lengths: Sequence[int]) -> tuple[Span, ...]:
        """[start, end) of each view, where one copy of `parts[k].text` is `lengths[k]` long, in characters or in tokens.

        A view reaches from its first part to its last: rows of a picture may be parted by a token that ends them.

        >>> Replacement((Part("<s>"), Part("<p>", 4, view=0), Part("</s>"))).spans([1, 1, 1])
        (Span(start=1, end=5),)
        """
        found: dict[int, Span] = {}
        end = 0
        for part, length in zip(self.parts, lengths, strict=True):
            start, end = end, end + part.times * length
            if part.view is not None:
                found[part.view] = Span(found[part.view].start if part.view in found else start, end)
        return tuple(found[view] for view in sorted(found))
