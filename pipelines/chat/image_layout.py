"""How the MiniCPM-V family writes the views of an image between tags."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.chat.segments import Control, Segment, Slots, Text
from pipelines.vision.slicing import SlicePlan

UNK, IMAGE, END_IMAGE, SLICE, END_SLICE = "<unk>", "<image>", "</image>", "<slice>", "</slice>"
IMAGE_ID, END_IMAGE_ID = "<image_id>", "</image_id>"


def numbered(number: int) -> list[Segment]:
    """<image_id>0</image_id>"""
    return [Control(IMAGE_ID), Text(str(number)), Control(END_IMAGE_ID)]


def tagged_slices(image: int, plan: SlicePlan, count: int) -> Iterator[Segment]:
    r"""<image>…</image><slice>…</slice><slice>…</slice>\n<slice>…</slice>…: MiniCPM-V 2.6."""
    yield from _view(image, count, IMAGE, END_IMAGE)
    yield from _rows(image, plan, count, SLICE, END_SLICE)


def wrapped_slices(image: int, plan: SlicePlan, count: int) -> Iterator[Segment]:
    r"""<image>…</image><slice><image>…</image><image>…</image>\n<image>…</image>…</slice>: MiniCPM-V 2 and 2.5."""
    yield from _view(image, count, IMAGE, END_IMAGE)
    if plan.grid:
        yield Control(SLICE)
        yield from _rows(image, plan, count, IMAGE, END_IMAGE)
        yield Control(END_SLICE)


def _rows(image: int, plan: SlicePlan, count: int, start: str, end: str) -> Iterator[Segment]:
    if plan.grid is None:
        return
    for row in range(plan.grid.rows):
        if row:
            yield Text("\n")
        for _ in range(plan.grid.columns):
            yield from _view(image, count, start, end)


def _view(image: int, count: int, start: str, end: str) -> Iterator[Segment]:
    yield Control(start)
    yield Slots(image, UNK, count)
    yield Control(end)
