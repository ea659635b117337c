"""GLM-4V-9B. It takes one picture, written as three tokens whatever its size; the model replaces them with the picture."""

from __future__ import annotations

from pipelines.chat.segments import TURN_END, Control, Segment, Slots, Text
from pipelines.config import DialectSettings
from pipelines.dialects import glm_4
from pipelines.dialects.dialect import Model, Script
from pipelines.dialects.refusals import refuse_images_outside
from pipelines.reasons import Reason, Reject
from pipelines.records import Image, PatchSize
from pipelines.tokenizers.families import GLM_4
from pipelines.vision.slicing import SlicePlan

SIDE = 1120 // 14  # the model's processor resizes every picture to 1120x1120 px, in patches of 14


def refuse(script: Script) -> None:
    if len(script.plans) > 1 and not (script.is_cut and all(len(turn.images) < 2 for turn in script.turns)):
        fix = "on_overflow: windows with history: {images: 1} makes a row for each turn with one"
        raise Reject(Reason.IMAGE_TOO_MANY.at("", f"{len(script.plans)} images; glm_4v takes one; {fix}"))
    refuse_images_outside(script, ("user",))


def write(script: Script) -> list[Segment]:
    """As for GLM-4, but header, picture and text are encoded separately. Upstream trains <|assistant|> and never the end of a turn.

    The row always ends with <|user|>: the model has no format for calls, and with a `tool_syntax` a result is a user turn.
    """
    segments: list[Segment] = [Control("[gMASK]"), Control("<sop>")]
    before = False
    for turn in script.turns:
        header_trained = before if script.is_sound else turn.trained
        segments += [glm_4.header_of(turn.role, header_trained), turn.start(0), Text(f"{turn.message.metadata}\n", turn.trained)]
        for part in turn.parts():
            segments += _picture(part) if isinstance(part, int) else [part if isinstance(part, Control) else Text(part, turn.trained)]
        segments.append(TURN_END)
        before = turn.trained
    return [*segments, glm_4.header_of("user", before and script.is_sound)]


def _picture(image: int) -> list[Segment]:
    return [Control("<|begin_of_image|>"), Slots(image, "<|endoftext|>", 1), Control("<|end_of_image|>")]


def plan_image(image: Image, settings: DialectSettings, cap: int) -> SlicePlan:
    return SlicePlan(None, (PatchSize(SIDE, SIDE),))


MODEL = Model(
    name="glm_4v",
    upstream="THUDM/GLM-4 finetune/finetune_vision.py process_batch @ f27a106; tokenization_chatglm.py of glm-4v-9b",
    differences=("R3: an answer is trained without <|assistant|> and with the token that ends it, as for GLM-4; upstream trains no end.",),
    specials=glm_4.SPECIALS | {"<|endoftext|>": 151329, "<|begin_of_image|>": 151339, "<|end_of_image|>": 151340},
    family=GLM_4,
    has_tools=False,
    refuse=refuse,
    write=write,
    plan=plan_image,
    slot="<|endoftext|>",
    slots=lambda settings: 1,
)
