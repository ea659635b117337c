"""Which side of the split a conversation is on: a function of its key alone, so it stays put across nights, sources and dialects."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from pipelines.config import Split


def side_of(key: str, split: Split) -> str:
    """train, val or test: the first 8 bytes of sha256(salt + NUL + key), over 2^64, against the fractions in this order."""
    place, fractions = _place(key, split.salt), split.fractions
    if place < fractions.train:
        return "train"
    # Where test has no share, rounding of train + val must not open one.
    return "val" if place < fractions.train + fractions.val or fractions.test == 0 else "test"


@lru_cache(maxsize=8)  # a conversation's samples follow it
def _place(key: str, salt: str) -> float:
    digest = hashlib.sha256(f"{salt}\0{key}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
