"""Pictures of Qwen-VL and GLM-V, by formula."""

from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.config import ConfigError
from pipelines.dialects.hf.pictures import Part, PixelLimits, open_pictures
from pipelines.dialects.hf.pictures.formulas import ResizeRule, glm_patches, qwen_patches
from pipelines.reasons import Reject
from pipelines.records import PatchSize, Size, Span
from tests.dialects.hf.pictures.folders import GLM_4_1V, GLM_4_6V, QWEN_2_5_VL, QWEN_3_VL, processor_folder

SIDES = st.integers(1, 3000)
RULES = st.builds(ResizeRule, st.sampled_from([14, 16]), st.sampled_from([1, 2]), st.just(2), st.integers(1, 20_000), st.integers(200_000, 20_000_000))


# Counted in rows that the processors of transformers 5.23.0 made of real pictures.
@pytest.mark.parametrize("config, width, height, tokens", [(QWEN_2_5_VL, 1273, 1174, 1890), (QWEN_2_5_VL, 817, 1296, 1334), (QWEN_2_5_VL, 591, 1188, 882)])
def test_counts_of_golden_rows(tmp_path: Path, config: dict, width: int, height: int, tokens: int):
    pictures = open_pictures(processor_folder(tmp_path, config))
    assert pictures
    assert pictures.of(width, height).parts == (Part("<|image_pad|>", tokens, view=0),)


def test_a_picture_is_one_view_of_its_patches(tmp_path: Path):
    pictures = open_pictures(processor_folder(tmp_path, QWEN_3_VL))
    assert pictures
    found = pictures.of(64, 32)  # enlarged to the least size
    assert found.grid is None
    assert found.target_sizes == (PatchSize(12, 24),)
    assert found.text == "<|image_pad|>" * 72
    assert found.views == (Span(0, 72 * len("<|image_pad|>")),)


def test_glm_writes_its_own_token(tmp_path: Path):
    pictures = open_pictures(processor_folder(tmp_path, GLM_4_6V, tokenizer_config={"extra_special_tokens": {"image_token": "<|picture|>"}}))
    assert pictures
    assert pictures.placeholder == "<|picture|>"
    assert pictures.of(56, 56).parts == (Part("<|picture|>", 9, view=0),)


def test_a_folder_without_an_image_processor_has_no_pictures(tmp_path: Path):
    assert open_pictures(processor_folder(tmp_path, {})) is None
    assert open_pictures(processor_folder(tmp_path, {"feature_extractor_type": "WhisperFeatureExtractor"})) is None


def test_the_image_processor_inside_of_processor_config_counts_first(tmp_path: Path):
    folder = processor_folder(tmp_path, QWEN_2_5_VL, processor_config={"processor_class": "Qwen3VLProcessor", "image_processor": QWEN_3_VL})
    pictures = open_pictures(folder)
    assert pictures
    assert pictures.of(64, 32).target_sizes == (PatchSize(12, 24),)


def test_the_model_type_names_the_family_where_no_processor_does(tmp_path: Path):
    pictures = open_pictures(processor_folder(tmp_path, {"image_processor_type": "Glm4vImageProcessor"}, config={"model_type": "glm4v_moe"}))
    assert pictures
    assert pictures.facts.family == "GLM-V"


def test_limits_of_the_dialect_replace_those_of_the_folder(tmp_path: Path):
    pictures = open_pictures(processor_folder(tmp_path, GLM_4_1V), PixelLimits(max_pixels=2 * 28 * 28 * 10))
    assert pictures
    assert pictures.of(3000, 3000).target_sizes == (PatchSize(6, 6),)


def test_the_fingerprint_changes_with_the_processor(tmp_path: Path):
    one, same, other = [open_pictures(processor_folder(tmp_path / name, config)) for name, config in (("a", QWEN_3_VL), ("b", QWEN_3_VL), ("c", GLM_4_6V))]
    assert one
    assert same
    assert other
    assert one.fingerprint == same.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    "change, fault",
    [
        ({"patch_size": 0}, "patch_size of the image processor is 0"),
        ({"merge_size": "2"}, "merge_size of the image processor is '2'"),
        ({"size": {"height": 5, "width": 5}, "max_pixels": None}, "without shortest_edge or longest_edge"),
        ({"size": 400}, "`size` of the image processor is 400"),
    ],
)
def test_a_setting_that_no_formula_can_use_is_a_fault(tmp_path: Path, change: dict, fault: str):
    with pytest.raises(ConfigError, match=fault):
        open_pictures(processor_folder(tmp_path, QWEN_2_5_VL | change))


def test_a_broken_file_is_named(tmp_path: Path):
    (tmp_path / "preprocessor_config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"preprocessor_config\.json: not readable as JSON"):
        open_pictures(tmp_path)


@pytest.mark.parametrize(
    "config, size, is_taken", [(QWEN_3_VL, (2000, 10), True), (QWEN_3_VL, (2001, 10), False), (GLM_4_1V, (2800, 14), True), (GLM_4_1V, (5629, 28), False)]
)
def test_a_picture_of_more_than_200_to_1_is_refused_as_the_processor_refuses_it(tmp_path: Path, config: dict, size: tuple[int, int], is_taken: bool):
    pictures = open_pictures(processor_folder(tmp_path, config))
    assert pictures
    if is_taken:
        assert pictures.of(*size).parts
        return
    with pytest.raises(Reject) as refused:
        pictures.of(*size)
    assert refused.value.findings[0].code == "image.extreme_aspect"


@given(SIDES, SIDES, RULES)
def test_patches_merge_without_rest_and_respect_the_bounds(width: int, height: int, rule: ResizeRule):
    for patches, frames in ((qwen_patches, 1), (glm_patches, rule.temporal_patch_size)):
        try:
            found = patches(Size(width, height), rule)
        except Reject:
            continue
        assert found.height > 0
        assert found.width > 0
        assert found.height % rule.merge_size == found.width % rule.merge_size == 0
        pixels = frames * found.height * found.width * rule.patch_size**2
        # A side is at least one token, so that a long strip may be larger than the bound.
        assert pixels <= rule.max_pixels or rule.merge_size in (found.height, found.width)
        assert pixels >= rule.min_pixels


@settings(max_examples=500)
@given(SIDES, SIDES, RULES)
def test_the_arithmetic_is_that_of_transformers(width: int, height: int, rule: ResizeRule):
    qwen = pytest.importorskip("transformers.models.qwen2_vl.image_processing_pil_qwen2_vl")
    glm = pytest.importorskip("transformers.models.glm4v.image_processing_pil_glm4v")
    bounds = {"factor": rule.factor, "min_pixels": rule.min_pixels, "max_pixels": rule.max_pixels}
    for patches, upstream in (
        (qwen_patches, partial(qwen.smart_resize, height, width, **bounds)),
        (glm_patches, partial(glm.smart_resize, rule.temporal_patch_size, height, width, rule.temporal_patch_size, **bounds)),
    ):
        try:
            wanted = upstream()
        except ValueError:
            with pytest.raises(Reject):
                patches(Size(width, height), rule)
            continue
        found = patches(Size(width, height), rule)
        assert (found.height * rule.patch_size, found.width * rule.patch_size) == wanted
