"""What LLaMA-Factory asks of MiniCPM-V's processor, which is code that only the model's folder has: the same slices, made by our own arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL import Image

from pipelines.records import Size
from pipelines.training.pixels import minicpm_pixels
from pipelines.vision.slicing import SliceRule, slice_plan


class ImageProcessor:
    """Called with a list of pictures for each row; gives their views in text order."""

    def __init__(self, options: Mapping[str, int]) -> None:
        self.rule = SliceRule(options["max_slices"], options["scale_resolution"], options["patch_size"])
        self.max_slice_nums, self.use_image_id, self.with_pixels = options["max_slices"], True, True

    def __call__(self, images: Sequence[Sequence[Image.Image]], **_: Any) -> dict[str, list[Any]]:
        """`pixel_values`: views of each row; `tgt_sizes`: int32 (views, 2) of each row; `image_sizes`."""
        described = [[self._described(picture) for picture in row] for row in images]
        sizes = [[(size["height"], size["width"]) for image in row for size in image["target_sizes"]] for row in described]
        return {
            "pixel_values": [self._pixels(pictures, row) for pictures, row in zip(images, described, strict=True)],
            "tgt_sizes": [torch.tensor(row, dtype=torch.int32).reshape(-1, 2) for row in sizes],
            "image_sizes": [[picture.size for picture in row] for row in images],
        }

    def _described(self, picture: Image.Image) -> dict[str, Any]:
        """As an element of column `images`, of the picture as it comes here."""
        plan = slice_plan(Size(*picture.size), self.rule)
        grid = plan.grid and {"columns": plan.grid.columns, "rows": plan.grid.rows}
        sizes = [{"height": view.height, "width": view.width} for view in plan.views]
        return {"uri": "", "width": picture.width, "height": picture.height, "grid": grid, "target_sizes": sizes}

    def _pixels(self, pictures: Sequence[Image.Image], described: Sequence[dict[str, Any]]) -> list[torch.Tensor]:
        if not self.with_pixels:
            return []
        views = [view for picture, image in zip(pictures, described, strict=True) for view in minicpm_pixels(picture, image, self.rule.patch_size, None)]
        return [torch.from_numpy(view) for view in views]


class Processor:
    def __init__(self, words: Any, options: Mapping[str, int], image_max_pixels: int) -> None:
        self.image_processor, self.image_max_pixels, self.tokenizer = ImageProcessor(options), image_max_pixels, words
        places = {"im_start_id": "<image>", "im_end_id": "</image>", "slice_start_id": "<slice>", "slice_end_id": "</slice>"}
        for name, token in places.items():
            setattr(words, name, words.convert_tokens_to_ids(token))
