"""A picture -> the pixels that the trainer's model takes, bit for bit as its own code makes them with torchvision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from pipelines.training.laws import LawBroken
from pipelines.training.orientation import turned_upright

Pixels = np.ndarray  # float32
Size = tuple[int, int]  # (width, height) in px
GLM_4V_SIDE = 1120  # px
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def upright(picture: Image.Image, image: Mapping[str, Any]) -> Image.Image:
    """The picture in RGB, turned according to its EXIF data, as its slices were planned; upstream's trainers do not turn it.

    Raises LawBroken where it is not of the `width` and `height` that the element of column `images` states.
    """
    picture.load()  # a PNG may have its EXIF data after its pixels
    picture = turned_upright(picture).convert("RGB")
    if picture.size != (image["width"], image["height"]):
        raise LawBroken(f"{image.get('uri')}: the picture is {picture.width}x{picture.height} px, the row says {image['width']}x{image['height']}")
    return picture


def views_of(picture: Image.Image, image: Mapping[str, Any], patch_size: int = 14, max_side: int | None = None) -> list[Image.Image]:
    """The views of an image for a MiniCPM model, in RGB: the source view, then the slices row by row, in the sizes of `target_sizes`.

    `image` is an element of column `images`; `max_side` is AgentCPM-GUI's own resize before slicing (1120 px).
    Source: OpenBMB/MiniCPM-V finetune/dataset.py slice_image, split_to_patches @ 0dbb566; OpenBMB/AgentCPM-GUI sft/dataset.py __resize__ @ acbaf50.
    """
    picture = upright(picture, image)
    if max_side is not None:
        picture = picture.resize(fit_side(picture.size, max_side), Image.Resampling.LANCZOS)
    source, *slices = [(size["width"] * patch_size, size["height"] * patch_size) for size in image["target_sizes"]]
    views = [picture.resize(source, Image.Resampling.BICUBIC)]
    if slices:
        columns, rows = image["grid"]["columns"], image["grid"]["rows"]
        width, height = slices[0]
        fine = picture.resize((width * columns, height * rows), Image.Resampling.BICUBIC)
        views += [fine.crop((x * width, y * height, (x + 1) * width, (y + 1) * height)) for y in range(rows) for x in range(columns)]
    return views


def fit_side(size: Size, max_side: int) -> Size:
    """The size after AgentCPM-GUI's own resize: the height first, then the width, both by `int`.

    The same as `pipelines.vision.slicing.fit_side`, which this side does not import. Source: sft/dataset.py __resize__ @ acbaf50.

    >>> fit_side((1120, 2400), 1120)
    (522, 1120)
    """
    width, height = size
    if height > max_side:
        width, height = int(width * max_side / height), max_side
    if width > max_side:
        width, height = max_side, int(height * max_side / width)
    return width, height


def minicpm_pixels(picture: Image.Image, image: Mapping[str, Any], patch_size: int = 14, max_side: int | None = None) -> list[Pixels]:
    """One array [3, patch_size, n * patch_size] per view, n its number of patches, row by row; values from -1 to 1.

    Source: OpenBMB/MiniCPM-V finetune/finetune.py build_transform, finetune/dataset.py reshape_by_patch @ 0dbb566.
    """
    return [_patches(_normalized(view, (0.5,) * 3, (0.5,) * 3), patch_size) for view in views_of(picture, image, patch_size, max_side)]


def glm4v_pixels(picture: Image.Image, image: Mapping[str, Any]) -> Pixels:
    """[3, 1120, 1120], normalized as for CLIP; the shape of the picture is not kept.

    Source: tokenization_chatglm.py of THUDM/glm-4v-9b, apply_chat_template: Resize (bicubic), ToTensor, Normalize.
    """
    picture = upright(picture, image).resize((GLM_4V_SIDE, GLM_4V_SIDE), Image.Resampling.BICUBIC)
    return _normalized(picture, CLIP_MEAN, CLIP_STD)


def _normalized(picture: Image.Image, mean: tuple[float, ...], std: tuple[float, ...]) -> Pixels:
    """[3, height, width]. The operations of torchvision's ToTensor and Normalize in float32, in their order."""
    pixels = np.asarray(picture).transpose(2, 0, 1).astype(np.float32, order="C")
    pixels /= np.float32(255)
    pixels -= np.array(mean, dtype=np.float32)[:, None, None]
    pixels /= np.array(std, dtype=np.float32)[:, None, None]
    return pixels


def _patches(pixels: Pixels, patch_size: int) -> Pixels:
    """The patches side by side, row by row: [3, height, width] -> [3, patch_size, height * width / patch_size]."""
    channels, height, width = pixels.shape
    tiles = pixels.reshape(channels, height // patch_size, patch_size, width // patch_size, patch_size)
    return np.ascontiguousarray(tiles.transpose(0, 2, 1, 3, 4)).reshape(channels, patch_size, -1)
