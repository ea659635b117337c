"""Pictures -> views and pixels."""

import numpy as np
import pytest
from PIL import Image

from pipelines.records import Size
from pipelines.training.laws import LawBroken
from pipelines.training.pixels import CLIP_MEAN, CLIP_STD, fit_side, glm4v_pixels, minicpm_pixels, upright, views_of
from pipelines.vision import slicing
from tests.training.rows import golden_rows, image


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values, "RGB").convert(mode)


@pytest.mark.parametrize(("dialect", "max_side"), [("minicpm_v_2_6", None), ("minicpm_v_2_5", None), ("agentcpm_gui", 1120)])
def test_the_views_of_an_image_have_the_sizes_in_the_row(dialect: str, max_side: int | None):
    count = 0
    for _, row, case in golden_rows(dialect, "sound"):
        for one in row["images"]:
            if one["width"] * one["height"] > 1_500_000:
                continue
            patch = case["options"]["patch_size"]
            views = views_of(Image.new("RGB", (one["width"], one["height"])), one, patch, case["options"].get("max_side", max_side))
            assert [(view.height // patch, view.width // patch) for view in views] == [(size["height"], size["width"]) for size in one["target_sizes"]]
            assert len(views) == len(one["token_spans"])
            count += 1
    assert count > 20


def test_the_slices_of_an_image_cover_it_row_by_row():
    left, right = (255, 0, 0), (0, 0, 255)
    picture = Image.new("RGB", (896, 448), left)
    picture.paste(right, (448, 0, 896, 448))
    one = image((0, 1), (2, 3), (4, 5), grid=(2, 1), sizes=[(22, 45), (32, 32), (32, 32)], width=896)
    _, first, second = views_of(picture, one)
    assert (first.size, first.getpixel((10, 10)), second.getpixel((400, 10))) == ((448, 448), left, right)
    assert np.asarray(first).std(axis=(0, 1)).max() < 20


def test_patches_stand_side_by_side_row_by_row():
    one = image((0, 1), sizes=[(2, 3)], width=42, height=28)
    picture = noise(42, 28)
    (pixels,) = minicpm_pixels(picture, one)
    assert (pixels.shape, pixels.dtype) == ((3, 14, 6 * 14), np.float32)
    right_of_the_second_row = pixels[:, :, 5 * 14 :]
    wanted = (np.asarray(picture, dtype=np.float32).transpose(2, 0, 1) / 255 - 0.5) / 0.5
    np.testing.assert_array_equal(right_of_the_second_row, wanted[:, 14:, 28:])


def test_glm_4v_brings_every_picture_to_one_size():
    pixels = glm4v_pixels(noise(30, 90, "L"), image((0, 1), width=30, height=90))
    assert (pixels.shape, pixels.dtype) == ((3, 1120, 1120), np.float32)
    white = glm4v_pixels(Image.new("RGB", (5, 5), "white"), image((0, 1), width=5, height=5))
    np.testing.assert_allclose(white[:, 0, 0], (1 - np.array(CLIP_MEAN)) / CLIP_STD, rtol=1e-6)


def test_a_picture_is_turned_by_its_exif_data_as_its_slices_were_planned():
    exif = Image.Exif()
    exif[0x0112] = 6  # the right side is up
    picture = noise(60, 20)
    picture.info["exif"] = exif.tobytes()
    turned = upright(picture, image((0, 1), width=20, height=60))
    np.testing.assert_array_equal(np.asarray(turned), np.rot90(np.asarray(noise(60, 20)), -1))
    with pytest.raises(LawBroken, match="the picture is 20x60 px, the row says 60x20"):
        upright(picture, image((0, 1), width=60, height=20))


@pytest.mark.parametrize("size", [(1120, 2400), (1080, 1920), (1920, 1080), (3000, 1121), (448, 448), (1121, 5)])
def test_the_resize_of_agentcpm_is_the_one_that_planned_the_slices(size: tuple[int, int]):
    assert fit_side(size, 1120) == tuple(slicing.fit_side(Size(*size), 1120))
