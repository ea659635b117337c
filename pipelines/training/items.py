"""A row of `samples` -> what the collator of each upstream trainer gets. docs/fields.md says which trainer takes which item.

Arrays are numpy arrays, ready for `torch.from_numpy`; torch itself is not needed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from pipelines.records import IGNORE_INDEX, Size
from pipelines.vision.slicing import fit_side

Row = Mapping[str, Any]
Item = dict[str, Any]
PADDING = {"input_ids": 0, "position_ids": 0, "attention_mask": 0, "labels": IGNORE_INDEX}


def aligned_item(row: Row) -> Item:
    """For Hugging Face models and THUDM/GLM-4's finetune.py and finetune_vision.py, where the model shifts the labels."""
    return {name: np.asarray(row[name], dtype=np.int64) for name in ("input_ids", "attention_mask", "position_ids", "labels")}


def shifted_labels(labels: Sequence[int]) -> np.ndarray:
    """At i the label of the token after i; the last is ignored. Our first label is never trained, so nothing is lost.

    >>> shifted_labels([-100, -100, 7, 8]).tolist()
    [-100, 7, 8, -100]
    """
    return np.append(np.asarray(labels, dtype=np.int64)[1:], IGNORE_INDEX)


def minicpm_item(row: Row) -> Item:
    """For the CPMTrainer of MiniCPM-V and AgentCPM-GUI, which does not shift labels: everything but the pixels.

    `image_bound` is int (views, 2), [first placeholder, closing tag) of every view of every image in text order; `tgt_sizes` is
    int32 (views, 2), each view's height and width in patches. The pixels are `views_of` each image, in the same order.
    Source: OpenBMB/MiniCPM-V finetune/dataset.py @ 0dbb566, OpenBMB/AgentCPM-GUI sft/dataset.py @ acbaf50: SupervisedDataset.__getitem__.
    """
    spans = [(span["start"], span["end"]) for image in row["images"] for span in image["token_spans"]]
    sizes = [(size["height"], size["width"]) for image in row["images"] for size in image["target_sizes"]]
    return aligned_item(row) | {
        "attention_mask": np.ones(len(row["input_ids"]), dtype=bool),
        "labels": shifted_labels(row["labels"]),
        "image_bound": np.array(spans, dtype=np.int64).reshape(-1, 2),
        "tgt_sizes": np.array(sizes, dtype=np.int32).reshape(-1, 2),
    }


def padded_batch(items: Sequence[Item]) -> Item:
    """The items as one batch, padded on the right: ids, positions and mask with 0, labels with -100; everything else stays a list.

    Source: data_collator in the files named above; it also cuts at max_length, which none of our rows exceeds.
    """
    longest = max(len(item["input_ids"]) for item in items)
    batch: Item = {}
    for name in items[0]:
        values = [item[name] for item in items]
        if name in PADDING:
            batch[name] = np.stack([np.pad(value, (0, longest - len(value)), constant_values=PADDING[name]) for value in values])
        else:
            batch[name] = values
    return batch


def views_of(picture: Image.Image, image: Row, patch_size: int, max_side: int | None = None) -> list[Image.Image]:
    """The views of an image for a MiniCPM model, in RGB: the source view, then the slices row by row, in the sizes of `target_sizes`.

    `image` is an element of column `images`; `max_side` is AgentCPM-GUI's own resize before slicing (1120).
    Source: slice_image and split_to_patches @ 0dbb566; __resize__ @ acbaf50. Unlike upstream, the image is first rotated according to its EXIF data.
    """
    picture = (ImageOps.exif_transpose(picture) or picture).convert("RGB")
    if max_side is not None:
        picture = picture.resize(fit_side(Size(*picture.size), max_side), Image.Resampling.LANCZOS)
    source, *slices = [Size(size["width"] * patch_size, size["height"] * patch_size) for size in image["target_sizes"]]
    views = [picture.resize(source, Image.Resampling.BICUBIC)]
    if slices:
        columns, rows = image["grid"]["columns"], image["grid"]["rows"]
        width, height = slices[0]
        fine = picture.resize((width * columns, height * rows), Image.Resampling.BICUBIC)
        views += [fine.crop((x * width, y * height, (x + 1) * width, (y + 1) * height)) for y in range(rows) for x in range(columns)]
    return views
