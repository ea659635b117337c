"""How much JSON one record may hold: a bound on the sum of its values, those in texts of JSON within it among them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipelines.config import Limits
from pipelines.reasons import Reason, Reject
from pipelines.visible import counted

FEW = 10_000  # values: a text that cannot hold more is charged by its commas and brackets, wherever they stand
LITERALS = 64  # of the full size
_OTHERS = bytes(sorted(set(range(256)) - set(b'"[]{},')))
_STEPS = np.zeros(256, dtype=np.int8)  # what a sign does to the depth
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1


class JsonSize(NamedTuple):
    """How deep the brackets of a text go, and how many values it has at most: an empty object or list counts as one more."""

    depth: int
    values: int


class Budget:
    """The limits of a record of so many bytes, and what it may still hold: JSON values, and characters of Python literals."""

    __slots__ = ("is_counted", "limits", "literals", "values")

    def __init__(self, limits: Limits, size: int):
        self.limits = limits
        self.values = limits.json_values
        self.literals = LITERALS * limits.literal_bytes
        # A value takes two bytes with what follows it, and JSON in texts in texts no more than four times the record: most need no counting.
        self.is_counted = 2 * size > limits.json_values

    def spend(self, data: bytes) -> None:
        """Counts the values of this JSON text. Raises Reject where they are too many, before anything is made of them."""
        if not self.is_counted:
            return
        values = data.count(b",") + data.count(b"[") + data.count(b"{")
        if values > FEW:
            values = json_size(data).values
        if values > self.values:
            raise Reject(Reason.JSON_TOO_MANY_VALUES.at("", f"more than {counted(self.limits.json_values, 'value')}, which is limits.json_values"))
        self.values -= values


def json_size(data: bytes) -> JsonSize:
    """The size of a JSON text, valid or not; what stands in strings is not counted. Linear, and without recursion."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    signs = np.frombuffer(data.translate(None, _OTHERS), dtype=np.uint8)
    quotes = signs == ord('"')
    outside = ~np.bitwise_xor.accumulate(quotes) & ~quotes if len(signs) else quotes
    steps = _STEPS[signs[outside]]
    opened = int(np.count_nonzero(steps == 1))
    commas = int(np.count_nonzero(steps == 0))
    return JsonSize(int(np.cumsum(steps, dtype=np.int32).max(initial=0)), opened + commas)
