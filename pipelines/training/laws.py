"""The laws of a row of `samples`, checked again before a batch leaves: what is broken on the way to the trainer is told, not trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

IGNORE_INDEX = -100  # the label of a token that is not trained, as in torch.nn.CrossEntropyLoss
Row = Mapping[str, Any]


class LawBroken(Exception):
    """A row does not hold what docs/fields.md promises of it."""


def check_row(row: Row, recipe: str = "sound") -> None:
    """Raises LawBroken with the sample_id and what is wrong. Columns other than `input_ids` and `labels` may be absent or null.

    Recipe `upstream` alone may have labels that are not their own id: after a trained token, the end token once more. It also trains
    GLM-4V's answers with their header. See docs/fields.md.
    """
    for fault in _faults(row, recipe == "upstream"):
        raise LawBroken(f"sample {row.get('sample_id')}: {fault}")


def _faults(row: Row, is_upstream: bool) -> Iterator[str]:
    ids, labels = np.asarray(row["input_ids"]), np.asarray(row["labels"])
    yield from _length_faults(row, ids, labels)
    yield from _label_faults(ids, labels, is_upstream)
    yield from _image_faults(row.get("images") or (), ids, labels)
    if row.get("turn_spans"):
        yield from _turn_faults(row["turn_spans"], labels != IGNORE_INDEX, is_upstream)


def _length_faults(row: Row, ids: np.ndarray, labels: np.ndarray) -> Iterator[str]:
    if not len(ids) or ids.dtype.kind != "i" or ids.min() < 0:
        yield f"input_ids are not token ids: {ids[:5].tolist()}"
    if len(labels) != len(ids) or labels.dtype.kind != "i":
        yield f"{len(ids)} ids, {len(labels)} labels"
    wanted = {"num_tokens": len(ids), "num_target_tokens": int(np.count_nonzero(labels != IGNORE_INDEX))}
    for name, number in wanted.items():
        if row.get(name) not in (None, number):
            yield f"{name} is {row[name]}, and the row has {number}"
    if not wanted["num_target_tokens"]:
        yield "no label is trained"
    masks = {"attention_mask": np.ones(len(ids)), "position_ids": np.arange(len(ids))}
    for name, mask in masks.items():
        if row.get(name) is not None and not np.array_equal(row[name], mask):
            yield f"{name} is not {'all ones' if name == 'attention_mask' else '0, 1, 2 and so on'}"


def _label_faults(ids: np.ndarray, labels: np.ndarray, allow_stray: bool) -> Iterator[str]:
    """The stray label of MiniCPM's upstream: after a trained token, and the same id everywhere.

    Source: OpenBMB/MiniCPM-V finetune/dataset.py conversation_to_ids @ 0dbb566.
    """
    odd = np.flatnonzero((labels != ids) & (labels != IGNORE_INDEX))
    if not len(odd):
        return
    is_stray = allow_stray and odd[0] > 0 and (labels[odd - 1] != IGNORE_INDEX).all() and len(set(labels[odd].tolist())) == 1
    if not is_stray:
        yield f"the label at {odd[0]} is {labels[odd[0]]}, and its id is {ids[odd[0]]}: labels are not aligned"


def _image_faults(images: Sequence[Row], ids: np.ndarray, labels: np.ndarray) -> Iterator[str]:
    for number, image in enumerate(images):
        grid, spans, sizes = image.get("grid"), image["token_spans"], image["target_sizes"]
        views = 1 + (grid["columns"] * grid["rows"] if grid else 0)
        if not len(spans) == len(sizes) == views:
            yield f"image {number} has {views} views, {len(spans)} token_spans, {len(sizes)} target_sizes"
        if any(size["height"] < 1 or size["width"] < 1 for size in sizes):
            yield f"image {number} has an empty view"
    ends = [0]
    for span in (span for image in images for span in image["token_spans"]):
        if not ends[-1] <= span["start"] < span["end"] <= len(ids):
            yield f"token_spans are not in order, or lie outside of {len(ids)} ids: [{span['start']}, {span['end']}) after {ends[-1]}"
        ends.append(span["end"])
        slots = ids[span["start"] : span["end"]]
        if (slots != ids[images[0]["token_spans"][0]["start"]]).any() or (labels[span["start"] : span["end"]] != IGNORE_INDEX).any():
            yield f"token_spans [{span['start']}, {span['end']}) holds tokens other than untrained placeholders"
    if images:
        yield from _placeholder_faults(images, ids)


def _placeholder_faults(images: Sequence[Row], ids: np.ndarray) -> Iterator[str]:
    spans = [span for image in images for span in image["token_spans"]]
    found, covered = int(np.count_nonzero(ids == ids[spans[0]["start"]])), sum(span["end"] - span["start"] for span in spans)
    if found != covered:
        yield f"{found} placeholder tokens, and token_spans cover {covered}"


def _turn_faults(turns: Sequence[Row], trained: np.ndarray, is_upstream: bool) -> Iterator[str]:
    """Of an answer all tokens are trained or none; besides, only the token that ends a trained one, and what upstream adds."""
    end, left = 0, trained.copy()
    for number, turn in enumerate(turns):
        if not end <= turn["start"] <= turn["end"] <= len(trained):
            yield f"turn_spans are not in order, or lie outside of {len(trained)} ids: [{turn['start']}, {turn['end']}) after {end}"
        own, end = trained[turn["start"] : turn["end"]], turn["end"]
        if own.any() and not (turn["role"] == "assistant" and own.all()):
            yield f"{int(own.sum())} of {len(own)} tokens of turn {number} ({turn['role']}) are trained"
        if turn["role"] == "assistant" and (own.any() or not len(own)):
            left[max(turn["start"] - is_upstream, 0) : turn["end"] + 1 + is_upstream] = False
    if left.any():
        yield f"the token at {int(np.argmax(left))} is trained, and belongs to no answer"
