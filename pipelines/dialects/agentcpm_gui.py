"""AgentCPM-GUI: MiniCPM-V 2.6 with its own resize, any order of roles, and the header's newline trained."""

from __future__ import annotations

from pipelines.chat.image_layout import tagged_slices
from pipelines.chat.segments import Segment
from pipelines.config import AgentSlicingOptions, DialectSettings
from pipelines.dialects.dialect import Model, Script
from pipelines.dialects.minicpm import CHATML, IMAGE_TAGS, NUMBER_TAGS, chatml, options_of, slots_of
from pipelines.dialects.minicpm_v_2_6 import image_number
from pipelines.dialects.refusals import refuse_images_outside, refuse_roles
from pipelines.records import Image, Size
from pipelines.tokenizers.families import MINICPM_V_2_6
from pipelines.vision.slicing import SlicePlan, SliceRule, fit_side, slice_plan

HEADER = 1  # `assistant`; the newline after it is trained


def refuse(script: Script) -> None:
    roles = ("system", "user", "assistant")
    refuse_roles(script, roles, roles)
    refuse_images_outside(script, ("user",))


def write(script: Script) -> list[Segment]:
    count = slots_of(script.settings)

    def write_image(image: int) -> list[Segment]:
        return [*image_number(script, image), *tagged_slices(image, script.plans[image], count)]

    return list(chatml(script, write_image, HEADER))


def plan_image(image: Image, settings: DialectSettings, cap: int) -> SlicePlan:
    """Grid and views are those of the resized picture. The width and height in the table are those of the file."""
    options = options_of(settings)
    size = Size(image.width, image.height)
    if isinstance(options, AgentSlicingOptions):
        size = fit_side(size, options.max_side)
    return slice_plan(size, SliceRule(cap, options.scale_resolution, options.patch_size))


MODEL = Model(
    name="agentcpm_gui",
    upstream="OpenBMB/AgentCPM-GUI sft/dataset.py @ acbaf50",
    differences=(
        "R2: every image has its number before it, counted in text order, as the inference processor does; upstream numbers sliced images only.",
        "An image stands where its mark is; upstream puts an image given as a plain path into the first turn, even a system turn.",
    ),
    specials={**CHATML, **IMAGE_TAGS, **NUMBER_TAGS},
    family=MINICPM_V_2_6,
    has_tools=False,
    refuse=refuse,
    write=write,
    plan=plan_image,
    slot="<unk>",
    slots=slots_of,
)
