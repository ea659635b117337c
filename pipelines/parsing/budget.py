"""How much JSON one record may contain: a limit on the number of its values, including those in JSON texts inside it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipelines.config import Limits
from pipelines.reasons import Reason, Reject
from pipelines.visible import counted

FEW = 10_000  # values: in a text that cannot contain more, all commas and brackets are counted, also those inside strings
LITERALS = 64  # of the full size may be read per record
_OTHERS = bytes(sorted(set(range(256)) - set(b'"[]{},')))
_STEPS = np.zeros(256, dtype=np.int8)  # how a character changes the depth
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1


class JsonSize(NamedTuple):
    """The depth of a text's brackets, and the most values that it can have: an empty object or list counts as one more."""

    depth: int
    values: int


class Budget:
    """The limits of a record of `size` bytes, and what is left of them: JSON values, and characters of Python literals."""

    __slots__ = ("is_counted", "limits", "literals", "values")

    def __init__(self, limits: Limits, size: int):
        self.limits = limits
        self.values = limits.json_values
        self.literals = LITERALS * limits.literal_bytes
        # A value takes at least two bytes. Nested JSON texts take at most four times the record. So most records need no counting.
        self.is_counted = 2 * size > limits.json_values

    def spend(self, data: bytes) -> None:
        """Counts the values of this JSON text. Raises Reject if there are too many, before they are parsed."""
        if not self.is_counted:
            return
        values = data.count(b",") + data.count(b"[") + data.count(b"{")
        if values > FEW:
            values = json_size(data).values
        if values > self.values:
            raise Reject(Reason.JSON_TOO_MANY_VALUES.at("", f"more than {counted(self.limits.json_values, 'value')}, which is limits.json_values"))
        self.values -= values


def json_size(data: bytes) -> JsonSize:
    """The size of a JSON text, valid or not; the inside of strings is not counted. Linear time, no recursion."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    signs = np.frombuffer(data.translate(None, _OTHERS), dtype=np.uint8)
    quotes = signs == ord('"')
    outside = ~np.bitwise_xor.accumulate(quotes) & ~quotes if len(signs) else quotes
    steps = _STEPS[signs[outside]]
    opened = int(np.count_nonzero(steps == 1))
    commas = int(np.count_nonzero(steps == 0))
    return JsonSize(int(np.cumsum(steps, dtype=np.int32).max(initial=0)), opened + commas)
