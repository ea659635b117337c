"""A row of `samples` -> what the collator of each trainer gets, but for the pixels (pixels.py). docs/training.md says which trainer takes which form.

Arrays are numpy arrays, ready for `torch.from_numpy`; torch itself is not needed here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pipelines.training.laws import IGNORE_INDEX

Row = Mapping[str, Any]
Item = dict[str, Any]
# By the model of a dialect; other models take form `hf`.
FORM_OF_MODEL = {"glm_4": "glm4", "glm_4v": "glm4v"} | dict.fromkeys(("minicpm_v_2", "minicpm_v_2_5", "minicpm_v_2_6", "agentcpm_gui"), "minicpm")


def one_number(number: Any) -> int:
    """The number of an item, of any integer type. Raises TypeError for a slice, a list or a float."""
    try:
        return operator.index(number)
    except TypeError:
        raise TypeError(f"an item is taken by its number, not by a {type(number).__name__}; several: [items[n] for n in range(2)]") from None


def hf_item(row: Row) -> Item:
    """`input_ids`, `attention_mask` and `labels`, int64 [n]: for Hugging Face models and Trainer, TRL and axolotl, where the model shifts the labels.

    Without `position_ids`, which most collators do not pad, and which a model makes by itself.
    """
    ids = np.asarray(row["input_ids"], dtype=np.int64)
    return {"input_ids": ids, "attention_mask": np.ones(len(ids), dtype=np.int64), "labels": np.asarray(row["labels"], dtype=np.int64)}


def glm4_item(row: Row) -> Item:
    """`input_ids` and `labels`: its collator pads nothing else. Source: THUDM/GLM-4 finetune/finetune.py process_batch @ f27a106."""
    return {name: np.asarray(row[name], dtype=np.int64) for name in ("input_ids", "labels")}


def minicpm_item(row: Row) -> Item:
    """For the CPMTrainer of MiniCPM-V and AgentCPM-GUI, which does not shift labels: everything but the pixels.

    `input_ids`, `position_ids` and `labels` int64 [n], labels moved by one; `attention_mask` bool [n]; `image_bound` int64 (views, 2),
    [first placeholder, closing tag) of every view of every image in text order; `tgt_sizes` int32 (views, 2), each view's height and width
    in patches.
    Source: OpenBMB/MiniCPM-V finetune/dataset.py @ 0dbb566, OpenBMB/AgentCPM-GUI sft/dataset.py @ acbaf50: SupervisedDataset.__getitem__.
    """
    spans = [(span["start"], span["end"]) for image in row["images"] for span in image["token_spans"]]
    sizes = [(size["height"], size["width"]) for image in row["images"] for size in image["target_sizes"]]
    ids = np.asarray(row["input_ids"], dtype=np.int64)
    return {
        "input_ids": ids,
        "position_ids": np.arange(len(ids)),
        "labels": shifted(np.asarray(row["labels"], dtype=np.int64), IGNORE_INDEX),
        "attention_mask": np.ones(len(ids), dtype=bool),
        "image_bound": np.array(spans, dtype=np.int64).reshape(-1, 2),
        "tgt_sizes": np.array(sizes, dtype=np.int32).reshape(-1, 2),
    }


# GLM-4V takes the three columns of `hf`; pixels come under `images`.
ITEMS: dict[str, Callable[[Row], Item]] = {"hf": hf_item, "glm4": glm4_item, "glm4v": hf_item, "minicpm": minicpm_item}


def item_of(row: Row, form: str, weights: bool = False) -> Item:
    """The row in this form: hf, glm4, glm4v or minicpm; with `loss_weight` float32 [n], which stands where `labels` stand."""
    item = ITEMS[form](row)
    if weights:
        weight = loss_weights(row)
        item["loss_weight"] = shifted(weight, 0) if form == "minicpm" else weight
    return item


def shifted(values: np.ndarray, last: float) -> np.ndarray:
    """At i the value of the token after i. Our first label is never trained, so nothing is lost.

    >>> shifted(np.array([-100, -100, 7, 8]), -100).tolist()
    [-100, 7, 8, -100]
    """
    return np.append(values[1:], np.array(last, dtype=values.dtype))


def loss_weights(row: Row) -> np.ndarray:
    """float32 [n], where `labels` stand: the weight that the log gives the turn, 1.0 where it gives none; 0.0 for tokens that are not trained.

    What is trained between two turns is the end of the first if that is trained, else the header of the second, as upstream trains GLM-4V.
    """
    trained = np.asarray(row["labels"]) != IGNORE_INDEX
    weights = np.ones(len(trained), dtype=np.float32)
    end = 0
    ended: float | None = None  # the weight of the trained answer that has just ended
    for turn in row["turn_spans"]:
        weight = 1.0 if turn["weight"] is None else turn["weight"]
        weights[end : turn["start"]] = weight if ended is None else ended
        weights[turn["start"] : turn["end"]] = weight
        end = turn["end"]
        ended = weight if is_trained_answer(turn, trained) else None
    weights[end:] = 1.0 if ended is None else ended
    return np.where(trained, weights, np.float32(0))


def is_trained_answer(turn: Mapping[str, Any], trained: np.ndarray) -> bool:
    """Whether this turn's own tokens are trained; of an empty answer, whether the token after it is. `trained` is of the row, bool [n]."""
    own = trained[turn["start"] : max(turn["end"], turn["start"] + 1)]
    return turn["role"] == "assistant" and bool(own.any())
