"""MiniCPM-Llama3-V 2.5."""

from __future__ import annotations

from pipelines.chat.image_layout import wrapped_slices
from pipelines.chat.segments import TURN_END, Control, Segment, Text
from pipelines.chat.turns import Turn
from pipelines.dialects.dialect import Model, Script
from pipelines.dialects.minicpm import IMAGE_TAGS, plan_image, slots_of
from pipelines.dialects.refusals import refuse_images_outside, refuse_roles

BEGIN, START, END, STOP = "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"
HEADER = 1  # the two newlines, one token


def refuse(script: Script) -> None:
    refuse_roles(script, ("system", "user") if script.is_sound else ("user",), ("system", "user", "assistant") if script.is_sound else ("user", "assistant"))
    refuse_images_outside(script, ("user",))


def write(script: Script) -> list[Segment]:
    segments: list[Segment] = [Control(BEGIN)]
    for turn in script.turns:
        segments += [Control(START), Text(turn.role), Control(END), turn.start(HEADER), *_body(turn, script), TURN_END, Control(STOP, turn.trained)]
    return segments


def _body(turn: Turn, script: Script) -> list[Segment]:
    """The template strips the content of a turn as a whole: whitespace at its ends is removed, whitespace beside an image inside it stays."""
    parts = list(turn.parts())
    parts[0] = str(parts[0]).lstrip()
    parts[-1] = str(parts[-1]).rstrip()
    body: list[Segment] = []
    lead = "\n\n"
    for part in parts:
        if isinstance(part, int):
            body += wrapped_slices(part, script.plans[part], slots_of(script.settings))
        elif isinstance(part, Control):
            body.append(part)
        elif lead or part:
            body.append(Text(lead + part, turn.trained, HEADER if lead else 0))
            lead = ""
    return body


MODEL = Model(
    name="minicpm_v_2_5",
    upstream="OpenBMB/MiniCPM-V finetune/dataset.py (llm_type llama3) @ 0dbb566",
    differences=(
        "R1: the token after an answer is not trained; upstream labels it with <|eot_id|> once more.",
        "A system turn may come first or later; upstream fails on it.",
    ),
    specials=dict.fromkeys((BEGIN, START, END, STOP)) | IMAGE_TAGS,
    family=None,
    has_tools=False,
    refuse=refuse,
    write=write,
    plan=plan_image,
    slot="<unk>",
    slots=slots_of,
    stray=STOP,
)
