"""Which models see a picture in one view whose size a formula gives, and with which settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pipelines.config import ConfigError
from pipelines.dialects.hf.pictures.files import ProcessorFiles, token_of
from pipelines.dialects.hf.pictures.formulas import ResizeRule, glm_patches, qwen_patches
from pipelines.dialects.hf.pictures.replacement import Part, Replacement
from pipelines.records import PatchSize, Size


class PixelLimits(NamedTuple):
    """The bounds of a resized picture that a dialect sets in place of the folder's, in pixels; None leaves the folder's."""

    min_pixels: int | None = None
    max_pixels: int | None = None


class Family(NamedTuple):
    """Models with one formula. `processors` and `models` are the names by which a folder says that it is one of them, `images` those of their image
    processors without the suffixes Fast and Pil. `least` and `most` are transformers' defaults of the bounds in pixels."""

    name: str
    patches: Callable[[Size, ResizeRule], PatchSize]
    processors: frozenset[str]
    models: frozenset[str]
    images: frozenset[str]
    token: str
    least: int
    most: int


# Models whose processor in transformers 5.23.0 writes one token per merged patch and nothing else: replace_image_token of models/qwen2_vl,
# qwen2_5_vl, qwen3_vl, glm4v and glm46v.
FAMILIES = (
    Family(
        "Qwen-VL",
        qwen_patches,
        frozenset(("Qwen2VLProcessor", "Qwen2_5_VLProcessor", "Qwen3VLProcessor")),
        frozenset(("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe")),
        frozenset(("Qwen2VLImageProcessor", "")),
        "<|image_pad|>",
        56 * 56,
        28 * 28 * 1280,
    ),
    Family(
        "GLM-V",
        glm_patches,
        frozenset(("Glm4vProcessor", "Glm46VProcessor")),
        frozenset(("glm4v", "glm4v_moe", "glm46v")),
        frozenset(("Glm4vImageProcessor", "Glm46VImageProcessor", "")),
        "<|image|>",
        112 * 112,
        28 * 28 * 15000,
    ),
)


def family_of(files: ProcessorFiles) -> Family | None:
    """The family whose formula gives the pictures of this folder; None if no formula is known."""
    image = str(files.image.get("image_processor_type") or "").removesuffix("Fast").removesuffix("Pil")
    for family in FAMILIES:
        is_named = files.processor in family.processors if files.processor else files.model in family.models
        if is_named and image in family.images and files.image.get("do_resize", True) is True:
            return family
    return None


def rule_of(family: Family, files: ProcessorFiles, limits: PixelLimits) -> ResizeRule:
    """The folder's settings, with the dialect's limits in place of its own. Raises ConfigError for a setting that is not a positive number."""
    image = files.image
    size = image.get("size") or {}
    if not isinstance(size, dict):
        raise ConfigError([f"{files.folder}: `size` of the image processor is {size!r}; {family.name} has shortest_edge and longest_edge there"])
    # Qwen2-VL's own folders give the bounds as min_pixels and max_pixels, and these count before `size`; GLM's processor does not read them.
    old: Mapping[str, Any] = image if family.name == "Qwen-VL" else {}
    least = limits.min_pixels or old.get("min_pixels") or size.get("shortest_edge")
    most = limits.max_pixels or old.get("max_pixels") or size.get("longest_edge")
    if size and (not least or not most):
        raise ConfigError([f"{files.folder}: `size` of the image processor is {size!r}, without shortest_edge or longest_edge"])
    values = {
        "patch_size": image.get("patch_size", 14),
        "merge_size": image.get("merge_size", 2),
        "temporal_patch_size": image.get("temporal_patch_size", 2),
        "min_pixels": least or family.least,
        "max_pixels": most or family.most,
    }
    faults = [f"{files.folder}: {name} of the image processor is {value!r}, not a positive number" for name, value in values.items() if not _is_count(value)]
    if faults:
        raise ConfigError(faults)
    return ResizeRule(**values)


def placeholder_of(family: Family, files: ProcessorFiles) -> str:
    """The token that the template writes for a picture. The family's own, where tokenizer_config.json names none."""
    return token_of(files, "image_token", family.token)


def replacement(family: Family, rule: ResizeRule, token: str, size: Size) -> Replacement:
    """The tokens of a picture of this size. Raises Reject for a picture that the processor refuses."""
    patches = family.patches(size, rule)
    count = patches.height * patches.width // rule.merge_size**2
    return Replacement((Part(token, count, view=0),), None, (patches,))


def _is_count(value: object) -> bool:
    return type(value) is int and value > 0
