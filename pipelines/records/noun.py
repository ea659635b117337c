"""What all nouns are made of."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Noun(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The base of all that flows: a frozen record. Making one costs a sixth of making a named tuple. No record may refer to itself in a circle.

    Small values that are compared, unpacked or sorted are named tuples.
    """


class Size(NamedTuple):
    """Pixels."""

    width: int
    height: int
