"""The laws of a row of `samples`, checked again before a batch leaves: what is broken on the way to the trainer is told, not trained."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

IGNORE_INDEX = -100  # the label of a token that is not trained, as in torch.nn.CrossEntropyLoss
ENDS_ONCE = "minicpm_v_2"  # it writes one end token a row, after the last turn
LEAVES_OPEN = "hf"  # some templates write no token at the end of an answer that another message than a question follows
_PLACEHOLDER = {"glm_4v": "<|endoftext|>"} | dict.fromkeys(("minicpm_v_2", "minicpm_v_2_5", "minicpm_v_2_6", "agentcpm_gui"), "<unk>")
Row = Mapping[str, Any]


class LawBroken(Exception):
    """A row does not hold what docs/fields.md promises of it."""


def check_row(row: Row, recipe: str = "sound", settings: Mapping[str, Any] | None = None) -> None:
    """Raises LawBroken with the sample_id and what is wrong. Columns other than `input_ids` and `labels` may be absent or null.

    `settings` are those that the row was tokenized with (how_tokenized.py). They tell the placeholder of pictures, and whether every turn has
    an end token. Without them the first token of the first span is taken for the placeholder, rows without pictures may have any ids, and
    only the last turn must have its end. Recipe `upstream` alone may have labels that are not their own id: after a trained token, the end
    token once more. It also trains GLM-4V's answers with their header, and not every end. See docs/fields.md.

    These changes keep every law, so they are not found: an id, with its label, becomes that of another token; two pictures of the same size
    are swapped; a turn is masked as a whole, with its end; a weight above 0 becomes another; the messages of two turns are swapped. In a row
    without `turn_spans`, any token may be masked.
    """
    for fault in _faults(row, recipe == "upstream", settings or {}):
        raise LawBroken(f"sample {row.get('sample_id')}: {fault}")


def _faults(row: Row, is_upstream: bool, settings: Mapping[str, Any]) -> Iterator[str]:
    ids, labels = np.atleast_1d(row["input_ids"]), np.atleast_1d(row["labels"])
    images, turns, model = row.get("images") or (), row.get("turn_spans") or (), settings.get("model")
    yield from _length_faults(row, ids, labels)
    yield from _label_faults(ids, labels, is_upstream)
    yield from _view_faults(images)
    yield from _span_faults(images, ids, labels, _placeholder_of(settings))
    if turns:
        trained = labels != IGNORE_INDEX
        yield from _turn_faults(turns, trained, is_upstream)
        if not is_upstream:
            yield from _end_faults(turns[-1:] if model in (None, ENDS_ONCE, LEAVES_OPEN) else turns, trained)


def _placeholder_of(settings: Mapping[str, Any]) -> int | None:
    """The id that stands for a picture; None for a model without pictures, or where it is not noted."""
    specials: Mapping[str, int] = (settings.get("tokenizer") or {}).get("specials") or {}
    return specials.get(_PLACEHOLDER.get(settings.get("model") or "", ""))


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


def _view_faults(images: Sequence[Row]) -> Iterator[str]:
    """Each picture has one view, or that and a grid of slices, which are all of one size.

    With `model: hf` there are two more forms: a model whose views have one size has no target_sizes, and one that parts its only view by other
    tokens, such as Pixtral's after each row of patches, has a span for each piece.
    """
    for number, image in enumerate(images):
        grid, spans = image.get("grid"), image["token_spans"] or ()
        sizes: Sequence[Row] = image["target_sizes"] or ()
        if grid and (grid["columns"] < 1 or grid["rows"] < 1):
            yield f"image {number} has a grid of {grid['columns']} columns and {grid['rows']} rows"
        views = 1 + (grid["columns"] * grid["rows"] if grid else 0)
        is_parted = grid is None and len(sizes) <= 1 < len(spans)
        if not (len(spans) == views or is_parted) or len(sizes) not in (0, views):
            yield f"image {number} has {views} views, {len(spans)} token_spans, {len(sizes)} target_sizes"
        if any(size["height"] < 1 or size["width"] < 1 for size in sizes):
            yield f"image {number} has an empty view"
        if any(size != sizes[1] for size in sizes[2:]):
            yield f"image {number} has slices of different target_sizes"


def _span_faults(images: Sequence[Row], ids: np.ndarray, labels: np.ndarray, placeholder: int | None) -> Iterator[str]:
    end = covered = 0
    for span in (span for image in images for span in _in_text_order(image)):
        if not end <= span["start"] < span["end"] <= len(ids):
            yield f"token_spans are not in order, or lie outside of {len(ids)} ids: [{span['start']}, {span['end']}) after {end}"
        end = span["end"]
        covered += end - span["start"]
        placeholder = int(ids[span["start"]]) if placeholder is None else placeholder
        if (ids[span["start"] : end] != placeholder).any() or (labels[span["start"] : end] != IGNORE_INDEX).any():
            yield f"token_spans [{span['start']}, {end}) holds tokens other than untrained placeholders"
    found = 0 if placeholder is None else int(np.count_nonzero(ids == placeholder))
    if found != covered:
        yield f"{found} placeholder tokens, and token_spans cover {covered}"


def _in_text_order(image: Row) -> Sequence[Row]:
    """The spans of a picture. Some models of `hf` write the whole picture after its slices, and these have no target_sizes."""
    spans: Sequence[Row] = image["token_spans"]
    is_last = len(spans) > 1 and not len(image["target_sizes"] or ()) and spans[0]["start"] > spans[1]["start"]
    return [*spans[1:], spans[0]] if is_last else spans


def _turn_faults(turns: Sequence[Row], trained: np.ndarray, is_upstream: bool) -> Iterator[str]:
    """Of an answer all tokens are trained or none; besides, only the token that ends a trained one, and what upstream adds."""
    end, left = 0, trained.copy()
    for number, turn in enumerate(turns):
        if not end <= turn["start"] <= turn["end"] <= len(trained):
            yield f"turn_spans are not in order, or lie outside of {len(trained)} ids: [{turn['start']}, {turn['end']}) after {end}"
        own, end = trained[turn["start"] : turn["end"]], turn["end"]
        if own.any() and not (turn["role"] == "assistant" and own.all()):
            yield f"{int(own.sum())} of {len(own)} tokens of turn {number} ({turn['role']}) are trained"
        yield from _note_faults(turn, number, bool(own.any()))
        if turn["role"] == "assistant" and (own.any() or not len(own)):
            left[max(turn["start"] - is_upstream, 0) : turn["end"] + 1 + is_upstream] = False
    if left.any():
        yield f"the token at {int(np.argmax(left))} is trained, and belongs to no answer"


def _end_faults(turns: Sequence[Row], trained: np.ndarray) -> Iterator[str]:
    """Of a trained answer, the token that ends it is trained."""
    for turn in turns:
        if trained[turn["start"] : turn["end"]].any() and not trained[turn["end"] : turn["end"] + 1].any():
            yield f"the answer [{turn['start']}, {turn['end']}) is trained, and the token that ends it is not"


def _note_faults(turn: Row, number: int, is_trained: bool) -> Iterator[str]:
    """The message of a turn is -1 where the template adds the turn. A weight of 0 masks it."""
    message, weight = turn.get("message"), turn.get("weight")
    if message is not None and message < -1:
        yield f"turn {number} is of message {message}"
    if weight is not None and not (math.isfinite(weight) and weight >= 0):
        yield f"turn {number} has weight {weight}"
    if weight == 0 and is_trained:
        yield f"turn {number} has weight 0, and is trained"
