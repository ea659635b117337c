"""How Qwen-VL and GLM-V see a picture: resized to whole patches, in one view, from its width and height alone.

Both keep upstream's arithmetic, in its order and in doubles: `round` goes half to even, and the last bit of a quotient decides a patch.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from pipelines.reasons import Reason, Reject
from pipelines.records import PatchSize, Size

MAX_ASPECT = 200


class ResizeRule(NamedTuple):
    """`patch_size` in px; `merge_size` patches on each side become one token; `min_pixels` and `max_pixels` bound the resized picture, for GLM times
    `temporal_patch_size`."""

    patch_size: int
    merge_size: int
    temporal_patch_size: int
    min_pixels: int
    max_pixels: int

    @property
    def factor(self) -> int:
        """The side of one token, in px."""
        return self.patch_size * self.merge_size


def qwen_patches(size: Size, rule: ResizeRule) -> PatchSize:
    """The picture in patches, as Qwen2-VL, Qwen2.5-VL and Qwen3-VL see it. Raises Reject for a picture longer than 200 times its width.

    Source: huggingface/transformers src/transformers/models/qwen2_vl/image_processing_qwen2_vl.py smart_resize @ v5.23.0.

    >>> qwen_patches(Size(1273, 1174), ResizeRule(14, 2, 2, 3136, 12845056))
    PatchSize(height=84, width=90)
    """
    width, height = size
    _refuse_extreme(size, width, height)
    factor = rule.factor
    tall, wide = round(height / factor) * factor, round(width / factor) * factor
    if tall * wide > rule.max_pixels:
        beta = math.sqrt((height * width) / rule.max_pixels)
        tall, wide = max(factor, math.floor(height / beta / factor) * factor), max(factor, math.floor(width / beta / factor) * factor)
    elif tall * wide < rule.min_pixels:
        beta = math.sqrt(rule.min_pixels / (height * width))
        tall, wide = math.ceil(height * beta / factor) * factor, math.ceil(width * beta / factor) * factor
    return PatchSize(tall // rule.patch_size, wide // rule.patch_size)


def glm_patches(size: Size, rule: ResizeRule) -> PatchSize:
    """The picture in patches, as GLM-4.1V, GLM-4.5V and GLM-4.6V see it. Raises Reject for a picture longer than 200 times its width.

    Unlike Qwen, GLM first enlarges a picture with a side shorter than one token, and counts the pixels of all `temporal_patch_size` frames.
    Source: huggingface/transformers src/transformers/models/glm4v/image_processing_glm4v.py smart_resize @ v5.23.0.
    """
    width, height = size
    factor, frames = rule.factor, rule.temporal_patch_size
    if height < factor or width < factor:
        scale = max(factor / height, factor / width)
        height, width = int(height * scale), int(width * scale)
    _refuse_extreme(size, width, height)
    tall, wide = round(height / factor) * factor, round(width / factor) * factor
    if frames * tall * wide > rule.max_pixels:
        beta = math.sqrt((frames * height * width) / rule.max_pixels)
        tall, wide = max(factor, math.floor(height / beta / factor) * factor), max(factor, math.floor(width / beta / factor) * factor)
    elif frames * tall * wide < rule.min_pixels:
        beta = math.sqrt(rule.min_pixels / (frames * height * width))
        tall, wide = math.ceil(height * beta / factor) * factor, math.ceil(width * beta / factor) * factor
    return PatchSize(tall // rule.patch_size, wide // rule.patch_size)


def _refuse_extreme(size: Size, width: int, height: int) -> None:
    if max(height, width) / min(height, width) > MAX_ASPECT:
        raise Reject(Reason.IMAGE_EXTREME_ASPECT.at("", f"{size.width}x{size.height} px; the processor takes at most {MAX_ASPECT} to 1"))
