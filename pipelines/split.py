"""Which side of the split a conversation is on. It depends on the key alone, so it is the same in every batch, source and dialect."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from pipelines.config import Split


def side_of(key: str, split: Split) -> str:
    """train, val or test: the first 8 bytes of sha256(salt + NUL + key), over 2^64, against the fractions in this order."""
    place, fractions = _place(key, split.salt), split.fractions
    if place < fractions.train:
        return "train"
    # Without a share for test, rounding errors in train + val must not create one.
    return "val" if place < fractions.train + fractions.val or fractions.test == 0 else "test"


@lru_cache(maxsize=8)  # the samples of a conversation have the same key
def _place(key: str, salt: str) -> float:
    digest = hashlib.sha256(f"{salt}\0{key}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
