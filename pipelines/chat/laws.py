"""Checks that every tokenized row must pass before it is written. A row that fails one is an internal error and fails the run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipelines.chat.segments import Row
from pipelines.reasons import Reason, Reject
from pipelines.records import IGNORE_INDEX, Ids, ImageTokens, Span

_IGNORED = np.array(IGNORE_INDEX, dtype=np.int32)  # without a dimension, which numpy compares fastest


def check_laws(row: Row, images: Sequence[ImageTokens], slot_id: int, slots: int, allow_stray: bool) -> int:
    """The number of labels that are trained. Raises Reject with `tokens.span_mismatch`, or with `tokens.no_target` if no label is.

    `slots` is the number of placeholder tokens of each view. `allow_stray` permits upstream's labels that differ from the id at their place.
    """
    ids, labels = row.input_ids, row.labels
    if len(ids) != len(labels):
        raise _broken(f"{len(ids)} ids, {len(labels)} labels")
    spans = [span for image in images for span in image.token_spans]
    for image in images:
        if len(image.token_spans) != len(image.target_sizes) or len(image.token_spans) != _views(image):
            raise _broken(f"{len(image.token_spans)} spans, {len(image.target_sizes)} target sizes, grid {image.grid}")
    _check_spans(ids, labels, spans, slot_id, slots)
    trained = int(np.count_nonzero(labels != _IGNORED))
    if not allow_stray and np.count_nonzero(labels == ids) != trained:  # no id is IGNORE_INDEX
        raise _broken("a label differs from its id")
    _check_turns(row, trained, allow_stray)
    if not trained:
        raise Reject(Reason.TOKENS_NO_TARGET.at("", "every answer is masked, empty or left out"))
    return trained


def _check_spans(ids: Ids, labels: Ids, spans: Sequence[Span], slot_id: int, slots: int) -> None:
    if not spans:
        return
    is_slot = ids == slot_id
    is_slot &= labels == IGNORE_INDEX
    end = 0
    for span in spans:
        if span.start < end or span.end - span.start != slots or span.end > len(ids):
            raise _broken(f"span [{span.start}, {span.end}) after {end}, of {len(ids)} ids")
        if not is_slot[span.start : span.end].all():
            raise _broken(f"span [{span.start}, {span.end}) contains other tokens or labels")
        end = span.end
    if (found := np.count_nonzero(ids == slot_id)) != slots * len(spans):
        raise _broken(f"{found} placeholder tokens, {len(spans)} spans")


def _check_turns(row: Row, trained: int, allow_more: bool) -> None:
    """Of a trained turn every token is trained, of another none; outside the turns only the token that ends a trained one, and under recipe
    `upstream` (`allow_more`) what upstream trains besides."""
    is_trained = (row.labels != _IGNORED).tobytes()  # a byte per token: for slices as short as turns far quicker than arrays
    count, last, wanted = is_trained.count, 0, 0
    for turn, of_loss in zip(row.turns, row.trained, strict=True):
        start, end = turn.start, turn.end
        length = end - start
        if start < last or length < 0 or end > len(is_trained):
            raise _broken(f"turn [{start}, {end}) after {last}, of {len(is_trained)} ids")
        if count(1, start, end) != (length if of_loss else 0):
            raise _broken(f"{count(1, start, end)} of {length} tokens of turn [{start}, {end}) are trained, which should be {length if of_loss else 0}")
        if of_loss:
            wanted += length + count(1, end, end + 1)
        last = end
    if row.turns and not allow_more and wanted != trained:
        raise _broken(f"{trained} tokens are trained, but the trained turns and their ends have {wanted}")


def _views(image: ImageTokens) -> int:
    return 1 + (image.grid.columns * image.grid.rows if image.grid else 0)


def _broken(detail: str) -> Reject:
    return Reject(Reason.TOKENS_SPAN_MISMATCH.at("", detail))
