"""MiniCPM-V 2.6."""

from __future__ import annotations

from pipelines.chat.image_layout import numbered, tagged_slices
from pipelines.chat.segments import Segment
from pipelines.dialects.dialect import Model, Script
from pipelines.dialects.minicpm import CHATML, IMAGE_TAGS, NUMBER_TAGS, chatml, plan_image, slots_of
from pipelines.dialects.refusals import refuse_images_outside, refuse_roles
from pipelines.tokenizers.families import MINICPM_V_2_6

HEADER = 2  # `assistant` and the newline. If the newline merges with one of the answer, that token is not trained either, as upstream


def refuse(script: Script) -> None:
    """Upstream knows only user and assistant, and asserts that user comes first. `sound` also takes a system turn at the beginning: the template
    has a place for it, and the model was trained with it."""
    refuse_roles(script, ("system", "user") if script.is_sound else ("user",), ("user", "assistant"))
    refuse_images_outside(script, ("user",))


def write(script: Script) -> list[Segment]:
    count = slots_of(script.settings)

    def write_image(image: int) -> list[Segment]:
        return [*image_number(script, image), *tagged_slices(image, script.plans[image], count)]

    return list(chatml(script, write_image, HEADER))


def image_number(script: Script, image: int) -> list[Segment]:
    """The number before an image. Upstream numbers only the images that are sliced; `sound` (R2) numbers every image, as inference does."""
    if script.is_sound:
        return numbered(image)
    return numbered(sum(plan.grid is not None for plan in script.plans[:image])) if script.plans[image].grid else []


MODEL = Model(
    name="minicpm_v_2_6",
    upstream="OpenBMB/MiniCPM-V finetune/dataset.py (llm_type qwen) @ 0dbb566",
    differences=(
        "R1: the token after an answer is not trained; upstream labels it with <|im_end|> once more.",
        "R2: every image has its number before it, counted in text order, as the inference processor does; upstream numbers sliced images only.",
        "A system turn may come first; upstream fails on it.",
    ),
    specials={**CHATML, **IMAGE_TAGS, **NUMBER_TAGS},
    family=MINICPM_V_2_6,
    has_tools=False,
    refuse=refuse,
    write=write,
    plan=plan_image,
    slot="<unk>",
    slots=slots_of,
    stray="<|im_end|>",
)
