"""The slots of an image may be at the very beginning and end of a row, and one view may follow another at once."""

import numpy as np
import pytest

from pipelines.chat.laws import check_laws
from pipelines.chat.segments import Row
from pipelines.reasons import Reject
from pipelines.records import Grid, Image, ImageTokens, PatchSize, Span

SLOT = 9
PICTURE = Image("a/b.png", "0" * 64, "PNG", 9, 9)


def trained(ids: list[int], labels: list[int], spans: tuple[Span, ...]) -> int | None:
    """The number of trained tokens; None where a law is broken."""
    row = Row(np.array(ids, dtype=np.int32), np.array(labels, dtype=np.int32), [list(spans)], [], [])
    image = ImageTokens(PICTURE, Grid(1, len(spans) - 1) if len(spans) > 1 else None, spans, (PatchSize(1, 1),) * len(spans))
    try:
        return check_laws(row, [image] if spans else [], SLOT, 2, allow_stray=False)
    except Reject:
        return None


@pytest.mark.parametrize(
    ("ids", "spans", "is_lawful"),
    [
        ([SLOT, SLOT, 1], (Span(0, 2),), True),
        ([1, SLOT, SLOT], (Span(1, 3),), True),
        ([SLOT, SLOT, SLOT, SLOT, 1], (Span(0, 2), Span(2, 4)), True),
        ([SLOT, SLOT, SLOT, SLOT, 1], (Span(0, 2), Span(1, 3)), False),
        ([SLOT, SLOT, SLOT, 1], (Span(0, 2),), False),
        ([SLOT, 1, SLOT, 1], (Span(0, 2),), False),
        ([1, 1, 1], (), True),
    ],
)
def test_the_slots_of_an_image_are_where_its_spans_say(ids: list[int], spans: tuple[Span, ...], is_lawful: bool):
    labels = [number if number == 1 else -100 for number in ids]
    assert trained(ids, labels, spans) == (labels.count(1) if is_lawful else None)
