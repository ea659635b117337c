"""Items of one form -> a batch: numpy or torch in, numpy or torch out. `TrainingSet.collate` is the right one.

Rows are padded at `side`: on the right to train, on the left to generate. Upstream's own collators take the same items.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipelines.training.laws import IGNORE_INDEX

Item = dict[str, Any]
GLM_PAD = 151329  # <|endoftext|>, the padding token of GLM-4 and GLM-4V
# What stands beyond the end of a row in the columns that have a value for each token.
PADDING = {"input_ids": 0, "position_ids": 0, "attention_mask": 0, "labels": IGNORE_INDEX, "loss_weight": 0}


def collate_hf(items: Sequence[Item], arrays: str = "torch", pad_token: int = 0, side: str = "right") -> Item:
    """`input_ids`, `attention_mask`, `labels` [items, longest], ids padded with `pad_token` under a mask of 0, labels with -100."""
    batch = {}
    for name in (name for name in items[0] if name in PADDING):
        fill = pad_token if name == "input_ids" else PADDING[name]
        batch[name] = _given(padded([item[name] for item in items], fill, side), arrays)
    return batch


def collate_glm4(items: Sequence[Item], arrays: str = "torch", pad_token: int = GLM_PAD, side: str = "right") -> Item:
    """As `collate_hf`; the mask is made here, since items of this form have none."""
    masks = [np.ones(len(item["input_ids"]), dtype=np.int64) for item in items]
    return collate_hf(items, arrays, pad_token, side) | {"attention_mask": _given(padded(masks, 0, side), arrays)}


def collate_glm4v(items: Sequence[Item], arrays: str = "torch", pad_token: int = GLM_PAD, side: str = "right") -> Item:
    """As `collate_hf`, with `images` float32 [items, 3, 1120, 1120] where the rows have a picture.

    Raises ValueError for rows with and without a picture in one batch, for which the model has no form.
    """
    with_picture = sum("images" in item for item in items)
    if with_picture not in (0, len(items)):
        raise ValueError(
            f"{with_picture} of {len(items)} rows of this batch have a picture; GLM-4V takes all or none: "
            "use batch_sampler=PictureBatches(training_set, batch_size), TrainingSet(..., pictures='only'), or a batch size of 1"
        )
    pixels = {"images": _given(np.stack([np.asarray(item["images"]) for item in items]), arrays)} if with_picture else {}
    return collate_hf(items, arrays, pad_token, side) | pixels


def collate_minicpm(items: Sequence[Item], arrays: str = "torch", pad_token: int = 0, side: str = "right") -> Item:
    """Ids, positions, labels and mask [items, longest]; `image_bound`, `tgt_sizes` and `pixel_values` stay lists, one entry for each item.

    Padding on the left moves `image_bound`.
    Source: data_collator of OpenBMB/MiniCPM-V finetune/dataset.py @ 0dbb566, which also cuts at max_length; no row of ours exceeds its own.
    """
    longest = max(len(item["input_ids"]) for item in items)
    moved = [longest - len(item["input_ids"]) if side == "left" else 0 for item in items]
    return collate_hf(items, arrays, pad_token, side) | {
        "image_bound": [_given(np.asarray(item["image_bound"]) + by, arrays) for item, by in zip(items, moved, strict=True)],
        "tgt_sizes": [_given(np.asarray(item["tgt_sizes"]), arrays) for item in items],
        "pixel_values": [[_given(np.asarray(view), arrays) for view in item["pixel_values"]] for item in items],
    }


COLLATE = {"hf": collate_hf, "glm4": collate_glm4, "glm4v": collate_glm4v, "minicpm": collate_minicpm}


def padded(rows: Sequence[Any], fill: int, side: str = "right") -> np.ndarray:
    """[rows, longest], in the type of the rows.

    >>> padded([np.array([1, 2]), np.array([3])], 0, "left").tolist()
    [[1, 2], [0, 3]]
    """
    values = [np.asarray(row) for row in rows]
    longest = max(map(len, values))
    batch = np.full((len(values), longest), fill, dtype=values[0].dtype)
    for line, value in zip(batch, values, strict=True):
        start = longest - len(value) if side == "left" else 0
        line[start : start + len(value)] = value
    return batch


def _given(values: np.ndarray, arrays: str) -> Any:
    return as_torch(values) if arrays == "torch" else values


def as_torch(values: np.ndarray) -> Any:
    """The same memory as a torch tensor. Raises ImportError where torch is not installed."""
    try:
        import torch
    except ImportError as error:
        raise ImportError("torch is not installed; install it, or ask for numpy arrays: arrays='numpy'") from error
    return torch.from_numpy(values)
