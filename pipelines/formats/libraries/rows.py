"""A turn of an agent library in the usual keys: what every file of this room makes of a message, a step or an event.

Rows are made twice, the second time of a record whose numbers are texts as they are written (parsing/written.py), and must be the same rows: what decides
about a row is compared with a word, or is of type `str` itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

Json = Any


class Row(NamedTuple):
    """`turn` is the turn, `where` its place in the list, such as `[1].parts[0]`. Without a turn, `why` says why the record is refused, or `left` what is left out.
    What has a `name` is left out too, and does not refuse the record, where the source's `ignore` names it. `rest` are keys of what is left out that say more."""

    where: str
    turn: dict[str, Json] | None = None
    why: str = ""
    left: str = ""
    name: str = ""
    rest: Mapping[str, Json] = MappingProxyType({})


def without(holder: Mapping[str, Json], *keys: str) -> dict[str, Json]:
    """The other keys of an object that are not null: they stay on the turn, where each is accounted for."""
    return {key: value for key, value in holder.items() if key not in keys and value is not None}


def objects(value: Json) -> list[dict[str, Json]]:
    """The elements of a list that are objects, or an empty object where one is none; [] where this is no list."""
    return [item if isinstance(item, dict) else {} for item in value] if isinstance(value, list) else []
