"""MiniCPM-V 2.0. Its tokenizer puts a space before every text between control tokens, as upstream does for every piece."""

from __future__ import annotations

from pipelines.chat.image_layout import wrapped_slices
from pipelines.chat.segments import TURN_END, Control, Segment, Text
from pipelines.chat.turns import Turn
from pipelines.dialects.dialect import Model, Script
from pipelines.dialects.minicpm import IMAGE_TAGS, plan_image, slots_of
from pipelines.dialects.refusals import refuse_images_outside, refuse_roles

STOP = "</s>"
PREFIX = {"user": "<用户>", "assistant": "<AI>"}  # ordinary text


def refuse(script: Script) -> None:
    refuse_roles(script, ("user",), ("user", "assistant"))
    refuse_images_outside(script, ("user",))


def write(script: Script) -> list[Segment]:
    """The turns, then one end token, whatever the role of the last turn."""
    segments: list[Segment] = []
    for turn in script.turns:
        segments += [Text(PREFIX[turn.role]), turn.start(0), *_body(turn, script), TURN_END]
    return [*segments, Control(STOP, bool(script.turns) and script.turns[-1].trained)]


def _body(turn: Turn, script: Script) -> list[Segment]:
    body: list[Segment] = []
    for part in turn.parts():
        if isinstance(part, int):
            body += wrapped_slices(part, script.plans[part], slots_of(script.settings))
        elif isinstance(part, Control):
            body.append(part)
        elif part:
            body.append(Text(part, turn.trained))
    return body


MODEL = Model(
    name="minicpm_v_2",
    upstream="OpenBMB/MiniCPM-V finetune/dataset.py (llm_type minicpm, its one bug that always raises patched) @ 0dbb566",
    differences=("R1: the token after an answer is not trained; upstream labels it with </s>, which the input does not have.",),
    specials={STOP: None} | IMAGE_TAGS,
    family=None,
    has_tools=False,
    refuse=refuse,
    write=write,
    plan=plan_image,
    slot="<unk>",
    slots=slots_of,
    stray=STOP,
)
