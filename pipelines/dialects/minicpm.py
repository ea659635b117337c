"""What the models of the MiniCPM-V family have in common: options for slicing, and turns in ChatML."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipelines.chat.image_layout import END_IMAGE, END_IMAGE_ID, END_SLICE, IMAGE, IMAGE_ID, SLICE, UNK
from pipelines.chat.segments import TEMPLATE, TURN_END, Control, Segment, Text, TurnStart
from pipelines.chat.turns import Turn
from pipelines.config import DialectSettings, SlicingOptions
from pipelines.dialects.dialect import Script
from pipelines.records import Image, Size
from pipelines.vision.slicing import SlicePlan, SliceRule, slice_plan

IMAGE_TAGS = dict.fromkeys((UNK, IMAGE, END_IMAGE, SLICE, END_SLICE))
NUMBER_TAGS = dict.fromkeys((IMAGE_ID, END_IMAGE_ID))
CHATML = dict.fromkeys(("<|im_start|>", "<|im_end|>"))
DEFAULT_SYSTEM = "You are a helpful assistant."

WriteImage = Callable[[int], list[Segment]]


def options_of(settings: DialectSettings) -> SlicingOptions:
    options = settings.options
    if not isinstance(options, SlicingOptions):
        raise TypeError(f"{settings.model} has no slicing options")
    return options


def slots_of(settings: DialectSettings) -> int:
    return options_of(settings).query_tokens


def plan_image(image: Image, settings: DialectSettings, cap: int) -> SlicePlan:
    options = options_of(settings)
    return slice_plan(Size(image.width, image.height), SliceRule(cap, options.scale_resolution, options.patch_size))


def chatml(script: Script, write_image: WriteImage, skip: int) -> Iterator[Segment]:
    """<|im_start|>role\\ntext<|im_end|>\\n for every turn. If the first turn is not a system turn, the template adds one.

    An answer is trained without its first `skip` tokens (the header is `assistant` and a newline) and with <|im_end|>.
    """
    if not script.turns or script.turns[0].role != "system":
        yield from _chatml_turn(TurnStart(TEMPLATE, "system", header=skip), [Text(f"system\n{DEFAULT_SYSTEM}")])
    for turn in script.turns:
        yield from _chatml_turn(turn.start(skip), _body(turn, write_image, skip))


def _chatml_turn(start: TurnStart, body: list[Segment]) -> Iterator[Segment]:
    yield Control("<|im_start|>")
    yield start
    yield from body
    yield TURN_END
    yield Control("<|im_end|>", start.trained)
    yield Text("\n")


def _body(turn: Turn, write_image: WriteImage, skip: int) -> list[Segment]:
    body: list[Segment] = []
    lead = f"{turn.role}\n"
    for part in turn.parts():
        if isinstance(part, int):
            body += write_image(part)
        elif isinstance(part, Control):
            body.append(part)
        elif lead or part:
            body.append(Text(lead + part, turn.trained, skip if lead else 0))
            lead = ""
    return body
