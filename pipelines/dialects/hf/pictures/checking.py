"""A formula against the processor of transformers."""

from __future__ import annotations

from typing import Any

from pipelines.dialects.hf.pictures.families import Family
from pipelines.dialects.hf.pictures.files import ProcessorFiles
from pipelines.dialects.hf.pictures.formulas import ResizeRule
from pipelines.dialects.hf.pictures.processor import open_image_processor
from pipelines.records import PatchSize, Size

# Small, so that opening a dialect stays quick: rounded up and down, enlarged, long and narrow, less than one patch.
SIZES = (Size(57, 33), Size(112, 126), Size(640, 479), Size(301, 1009), Size(900, 9), Size(1, 1))
BOUND = 100_000  # px: a largest picture which some of SIZES exceed


def difference(files: ProcessorFiles, family: Family, rule: ResizeRule) -> tuple[int, str | None]:
    """For how many sizes the formula and the processor agree, and the first difference. Raises ConfigError if transformers cannot open the processor.

    The settings are compared as such, and the arithmetic on small blank pictures: within the bounds in pixels, and again with a lower one.
    """
    processor = open_image_processor(files)
    found = {name: getattr(processor, name, None) for name in ("patch_size", "merge_size", "temporal_patch_size")}
    if any(value != getattr(rule, name) for name, value in found.items()):
        return 0, f"the processor has {found}"
    tight = rule._replace(min_pixels=min(rule.min_pixels, BOUND // 4), max_pixels=BOUND)
    checked = 0
    for bounds in (rule, tight):
        for size in SIZES:
            wanted = _patches(processor, size, bounds)
            if (got := family.patches(size, bounds)) != wanted:
                return checked, f"{size.width}x{size.height} px are {wanted} in the processor and {got} by the formula"
            checked += 1
    return checked, None


def _patches(processor: Any, size: Size, rule: ResizeRule) -> PatchSize:
    from PIL import Image

    bounds = {"shortest_edge": rule.min_pixels, "longest_edge": rule.max_pixels}
    output = processor(images=[Image.new("RGB", size)], size=bounds, return_tensors="np")
    _, height, width = output["image_grid_thw"][0]
    return PatchSize(int(height), int(width))
