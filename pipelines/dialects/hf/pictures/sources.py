"""Replacements for the pictures of one conversation, from a formula or from the processor. Both are kept per size, in caches that are bounded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from pipelines.config import ConfigError
from pipelines.dialects.hf.pictures.processor import Processor
from pipelines.dialects.hf.pictures.replacement import Replacement
from pipelines.dialects.hf.pictures.views import read_views, slot_of
from pipelines.reasons import Reject
from pipelines.records import Size

Replace = Callable[[Sequence[Size]], tuple[Replacement, ...]]

MAX_SIZES = 4096  # whose replacement is kept. One is 1 KB for most models, and 20 KB where every row of patches is a part of its own
MAX_CONVERSATIONS = 256  # the same, where the pictures of a conversation depend on one another
TRIAL = (Size(64, 48), Size(300, 100))
NUMBERED = 12  # pictures, so that one has a number of two digits


def from_formula(one: Callable[[Size], Replacement]) -> Replace:
    """Replacements by a formula, which does not depend on the other pictures."""
    kept = lru_cache(maxsize=MAX_SIZES)(one)
    return lambda sizes: tuple([kept(size) for size in sizes])


def from_processor(processor: Processor, place: str) -> tuple[Replace, str]:
    """Replacements by the processor, run once per size, and how its pictures depend on one another: "each" alone, "numbered" in text order, or
    "together". A trial tells. Raises ConfigError if the trial fails; `place` begins its message."""
    try:
        alone = [processor.run([size])[0].text for size in TRIAL]
        pair = [written.text for written in processor.run(TRIAL)]
        number = None if pair == alone else _number_at(alone, pair, [written.text for written in processor.run(TRIAL[:1] * NUMBERED)])
    except Reject as reject:
        raise ConfigError([f"{place}: {reject.findings[0].detail}"]) from None
    slot = slot_of(alone, processor.added)
    if slot is None:
        raise ConfigError([f"{place}: {alone[0][:80]!r}, which is written for a picture, has no added token of the vocabulary"])
    one = lru_cache(maxsize=MAX_SIZES)(lambda size: _all(processor, (size,), slot)[0])
    if pair == alone:
        return lambda sizes: tuple([one(size) for size in sizes]), "each"
    if number is not None:
        numbered = lru_cache(maxsize=MAX_SIZES)(lambda size, index: _renumbered(one(size), number, index))
        return lambda sizes: tuple([numbered(size, index) for index, size in enumerate(sizes)]), "numbered"
    together = lru_cache(maxsize=MAX_CONVERSATIONS)(lambda sizes: _all(processor, sizes, slot))
    return lambda sizes: together(tuple(sizes)), "together"


def _all(processor: Processor, sizes: tuple[Size, ...], slot: str) -> tuple[Replacement, ...]:
    return tuple([read_views(written, size, slot, processor) for written, size in zip(processor.run(sizes), sizes, strict=True)])


class _Number(NamedTuple):
    """Where a replacement has the number of its picture, in characters, and the number of the first picture, which has one digit."""

    at: int
    first: int

    def write(self, text: str, index: int) -> str:
        return f"{text[: self.at]}{self.first + index}{text[self.at + 1 :]}"


def _number_at(alone: Sequence[str], pair: Sequence[str], equal: Sequence[str]) -> _Number | None:
    """The place of the number; None if pictures of one conversation differ from pictures alone in anything else. `pair` is written for the pictures
    of `alone` together, and `equal` for several like the first.

    >>> _number_at(["<id>0</id>", "<id>0</id>+"], ["<id>0</id>", "<id>1</id>+"], ["<id>0</id>", "<id>1</id>"])
    _Number(at=4, first=0)
    """
    at = next((at for at, (one, two) in enumerate(zip(equal[0], equal[1], strict=False)) if one != two), len(alone[0]))
    digit = alone[0][at : at + 1]
    if not digit.isdecimal():
        return None
    number = _Number(at, int(digit))
    is_all = [*pair, *equal] == [number.write(alone[index], index) for index in range(len(pair))] + [
        number.write(alone[0], index) for index in range(len(equal))
    ]
    return number if is_all else None


def _renumbered(replacement: Replacement, number: _Number, index: int) -> Replacement:
    """The same replacement for a later picture. The number stands before all placeholder tokens, where every part is written once."""
    parts, end = list(replacement.parts), 0
    for k, part in enumerate(parts):
        start, end = end, end + len(part.text)
        if number.at < end:
            parts[k] = part._replace(text=_Number(number.at - start, number.first).write(part.text, index))
            break
    return Replacement(tuple(parts), replacement.grid, replacement.target_sizes)
